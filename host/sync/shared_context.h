#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"
#include "host/memory/sealed_memory.h"
#include "host/memory/unique_fd.h"
#include "host/sync/free_space.h"
#include "host/sync/participant.h"
#include "host/sync/shared_object.h"

namespace forebay {

/// At the start of a context's memory.
struct ContextHeader {
  static constexpr std::uint64_t magic_value = 0x3130'5458'4359'4246;  // "FBYCXT01" in memory
  std::uint64_t magic = magic_value;
  std::uint64_t id = 0;  ///< random: the same context is mapped once in a process
  std::uint64_t bytes = 0;
  std::atomic<std::uint64_t> newest_object{0};  ///< offset; objects are linked from the newest on
  std::atomic<std::uint32_t> supervisor{0};     ///< OwnerToken of the process that watches over the others
  std::array<Participant, limits::participants_max> participants{};
};

/// Memory that several processes share, with what lies in it: locks, events, queues, values. One
/// process makes it; a handle that is passed to another process takes it along. Every process that uses
/// it has a place in its participant table, and one of them, the supervisor (at first the maker), holds
/// a pidfd of every other: when one ends, what it owned is recovered in every object, and everybody who
/// waits is woken.
///
/// Invariants:
///  1. Only the maker allocates, under its own `mutex_`: so no lock is shared, and the allocator's
///     state is private. In shared memory are only the objects, linked: one is put in and taken out by
///     one store each, so a maker that is killed leaves them whole for its successor as supervisor.
///  2. A process takes its place in the table and rings the doorbell before it can own anything.
///  3. A place is given to another process only when everything of the one before was recovered; tokens
///     carry a generation, so a late look at an old token never takes it for the new owner's.
///  4. An object's memory is reused only when no participant has a handle and none is on its way.
///  5. The supervisor's own death is seen by every other participant; one takes its place (compare and
///     swap).
///
/// This class is one process's view. It is made once a process and context and lives as long as the
/// process. Thread-safe.
class SharedContext : public std::enable_shared_from_this<SharedContext> {
 public:
  struct Placed {
    std::shared_ptr<SharedContext> context;
    std::uint64_t offset = 0;
  };
  /// Makes an object of so many bytes: in this process's own default context, or, where it is large, in
  /// one that is made for it or was for another that is gone. Zeroed behind its head. Throws
  /// Error(no_memory | environment).
  [[nodiscard]] static Placed make_object(ObjectKind kind, std::size_t bytes);
  /// The context that an encoded handle names: mapped and joined now, where it is not yet.
  [[nodiscard]] static std::shared_ptr<SharedContext> decode_from(Decoder& in);
  void encode_into(Encoder& out) const;

  /// Memory for an object of this kind, where there is some. Only in the process that made the context.
  [[nodiscard]] std::optional<std::uint64_t> allocate(ObjectKind kind, std::size_t bytes);
  /// This process has no handle of the object any more.
  void let_go(std::uint64_t offset) noexcept;
  /// Every object, one after another. For the supervisor.
  void for_each_object(const std::function<void(SharedObject&, std::byte* body)>& look);

  [[nodiscard]] SharedObject& object(std::uint64_t offset) const;
  [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept { return memory_.bytes().data() + offset; }
  [[nodiscard]] ContextHeader& header() const noexcept { return *reinterpret_cast<ContextHeader*>(at(0)); }
  /// This process in this context.
  [[nodiscard]] OwnerToken self() const noexcept { return self_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return header().id; }
  [[nodiscard]] int doorbell() const noexcept { return doorbell_.get(); }
  /// Whether the process of this token is in the table still, alive or not yet recovered.
  [[nodiscard]] bool knows(OwnerToken owner) const noexcept;

  SharedContext(SealedMemory memory, UniqueFd doorbell, bool made_here);
  SharedContext(const SharedContext&) = delete;
  SharedContext& operator=(const SharedContext&) = delete;
  ~SharedContext() = default;

 private:
  static std::shared_ptr<SharedContext> create(std::size_t bytes);
  void join();
  void collect();
  void publish(std::uint64_t offset, std::uint64_t block_bytes, ObjectKind kind);
  void clear(std::uint64_t offset, std::uint64_t count) noexcept;

  SealedMemory memory_;
  UniqueFd doorbell_;  // an eventfd that all participants have: rung by who joins
  const bool made_here_;
  OwnerToken self_;
  std::mutex mutex_;
  FreeSpace free_;
  std::uint64_t fresh_;          // from here on nothing was ever given out: zero, and takes no memory
  std::uint64_t collect_below_;  // free bytes
};

}  // namespace forebay
