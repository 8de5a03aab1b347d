#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

#include "host/memory/unique_fd.h"
#include "pipeline/flow/ready_chunks.h"
#include "pipeline/item_record.h"

namespace forebay {

/// A batch that the owner finished in a result slot.
struct BatchResult {
  std::uint64_t batch = 0;
  std::uint32_t result = 0;
  std::vector<ItemRecord> items;
};

/// A batch that the caller is to assemble.
struct PickedBatch {
  std::uint64_t batch = 0;
  std::uint64_t first_item = 0;
};

/// Where the flow thread and the caller of Pipeline::next() meet.
///
/// Thread-safe. Invariants:
///  1. Everything below `mutex_` is touched under it only; no call blocks while holding it but the two
///  next_*()
///     functions, in `changed_`.
///  2. A blocked caller is always woken: the flow thread ends only through finish() or fail(), and each of
///  those, as
///     stop(), notifies. The flow thread itself has a deadline for everything it waits for.
///  3. What the caller gives back (slots, results) is queued here and the flow thread's eventfd is raised;
///  the queue is
///     bounded by the number of slots.
class Handover {
 public:
  Handover(BatchGrid grid, Order order);

  // --- flow thread ---
  void offer(Chunk chunk);
  void set_total(std::uint64_t items);
  void set_starved(bool starved);
  /// Takes back the latest READY chunk after `item`, if the caller is blocked: what it waits for is not ready
  /// then.
  [[nodiscard]] std::optional<Chunk> revoke_last_if_waiting(std::uint64_t item);
  void offer_result(BatchResult result);
  /// No more results or chunks will come.
  void finish();
  void fail(std::exception_ptr error);
  [[nodiscard]] std::vector<Lease> take_released();
  [[nodiscard]] std::vector<std::uint32_t> take_released_results();
  /// Readable after stop(), kill or a release: for the flow thread's epoll. drain() makes it quiet again.
  [[nodiscard]] int wake_fd() const noexcept { return wake_.get(); }
  void drain() noexcept;

  // --- caller ---
  /// The next batch to assemble from chunks; nothing at the end or after stop(), whatever is ready: a batch
  /// takes time. Throws what fail() was given.
  [[nodiscard]] std::optional<PickedBatch> next_batch();
  /// The chunk of a picked batch that begins with `item`; nothing at the batch's end. After stop() or fail()
  /// nothing if it is not ready: the batch is cut there, and is the last one.
  [[nodiscard]] std::optional<Chunk> next_chunk(std::uint64_t batch, std::uint64_t item);
  /// The next batch of the owner; nothing at the end or after stop(). `batch`: wait for this one (index
  /// order).
  [[nodiscard]] std::optional<BatchResult> next_result(std::optional<std::uint64_t> batch);
  /// Blocks until finish(); throws what fail() was given.
  void await_end();
  void release(const Lease& lease);
  void release_result(std::uint32_t result) noexcept;

  // --- any thread ---
  void stop() noexcept;
  [[nodiscard]] bool stopped() const noexcept;
  void wake() noexcept;

 private:
  void throw_if_failed() const;  // under mutex_
  void wait(std::unique_lock<std::mutex>& lock);

  const UniqueFd wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ReadyChunks ready_;
  std::deque<BatchResult> results_;
  std::vector<Lease> released_;
  std::vector<std::uint32_t> released_results_;
  std::exception_ptr error_;
  bool starved_ = false;
  bool waiting_ = false;  // the caller is blocked
  bool finished_ = false;
  bool stopped_ = false;
  bool cut_ = false;  // a batch ended early: what follows would leave a gap
};

}  // namespace forebay
