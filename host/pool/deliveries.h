#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "host/pool/crew_task.h"
#include "host/pool/payload.h"

namespace forebay {

/// Outcomes that were found under the crew's lock and are handed out after it was let go of: sinks run code
/// of the application's. What lay in a ring is copied here, to private memory, before anything is read from
/// it.
///
/// A callback may wait for another outcome of the same batch. So whoever begins to wait calls
/// hand_out_rest(): then the thread hands out, on top of the callback, what would have come behind it.
class Deliveries {
 public:
  /// `owner` is told by under_way_here().
  explicit Deliveries(const void* owner = nullptr) noexcept : owner_(owner) {}
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;
  ~Deliveries() = default;

  void add_result(const std::shared_ptr<TaskSink>& sink, std::uint32_t item,
                  std::span<const std::byte> bytes);
  void add_result(const std::shared_ptr<TaskSink>& sink, std::uint32_t item, Payload payload);
  void add_nothing(const std::shared_ptr<TaskSink>& sink, std::uint32_t first, std::uint32_t count);
  /// `bytes` is what encode_exception() made.
  void add_exception(const std::shared_ptr<TaskSink>& sink, std::uint32_t item,
                     std::span<const std::byte> bytes);
  void add_failure(const std::shared_ptr<TaskSink>& sink, std::uint32_t item, std::exception_ptr error);

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// Hands everything out, in order, and is empty afterwards. Call it without locks. Does not throw: what a
  /// sink throws is that item's outcome.
  void hand_out() noexcept;

  /// Hands out what is left of the batches that this thread is in the middle of. False: there was nothing.
  static bool hand_out_rest() noexcept;
  /// How many batches of `owner` this thread is in the middle of.
  [[nodiscard]] static std::uint32_t under_way_here(const void* owner) noexcept;

 private:
  enum class Kind : std::uint8_t { result, nothing, payload, exception, failure };
  struct Entry {
    TaskSink* sink = nullptr;  // kept alive by sinks_
    std::uint32_t item = 0;
    Kind kind = Kind::result;
    std::size_t begin = 0;  // of the bytes; for a payload or failure its index
    std::size_t size = 0;   // of the bytes; of nothing how many items
  };

  void add(const std::shared_ptr<TaskSink>& sink, std::uint32_t item, Kind kind, std::size_t begin,
           std::size_t size);
  std::size_t keep(std::span<const std::byte> bytes);
  void hand_out(const Entry& entry);
  bool hand_out_entries() noexcept;

  static thread_local Deliveries* innermost_;

  const void* owner_;
  Deliveries* outer_ = nullptr;  // the batch whose callback this one is handed out in
  std::size_t next_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::byte> bytes_;
  std::vector<Payload> payloads_;
  std::vector<std::exception_ptr> failures_;
  std::vector<std::shared_ptr<TaskSink>> sinks_;
};

}  // namespace forebay
