#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"
#include "host/memory/sealed_memory.h"
#include "host/memory/unique_fd.h"
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
///     state is private.
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
  /// Where an object of so many bytes goes: this process's own default context, or, where it is large,
  /// one that is made for it. Throws Error(no_memory | environment).
  [[nodiscard]] static std::shared_ptr<SharedContext> with_room_for(std::size_t bytes);
  /// The context that an encoded handle names: mapped and joined now, where it is not yet.
  [[nodiscard]] static std::shared_ptr<SharedContext> decode_from(Decoder& in);
  void encode_into(Encoder& out) const;

  /// Memory for an object of this kind, zeroed behind its head. Only in the process that made the
  /// context. Throws Error(no_memory).
  [[nodiscard]] std::uint64_t allocate(ObjectKind kind, std::size_t bytes);
  /// This process has no handle of the object any more.
  void let_go(std::uint64_t offset) noexcept;

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
  [[nodiscard]] std::uint64_t find_unused(std::uint64_t block_bytes) const noexcept;

  SealedMemory memory_;
  UniqueFd doorbell_;  // an eventfd that all participants have: rung by who joins
  const bool made_here_;
  OwnerToken self_;
  std::mutex mutex_;
  std::uint64_t used_ = 0;  // bytes of the memory that were given out
};

}  // namespace forebay
