#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "host/limits.h"
#include "host/memory/sealed_memory.h"
#include "host/process/guardian_socket.h"

namespace forebay::detail {

inline constexpr std::uint64_t block_magic = 0x4b43'4f4c'4244'454d;  // "MEDBLOCK" in memory

using BlockName = std::array<char, limits::block_name_bytes_max + 1>;

/// What the guardian is told of named blocks. With `made` and `shared` comes a descriptor of the block: so
/// nobody has a file unlinked that he cannot open. With `made` comes an eventfd for the answer too.
struct BlockNote {
  enum class Event : std::uint32_t {
    made,    ///< the sender is about to give a block this name
    shared,  ///< another process than its maker uses the block
    left,    ///< the sender ends in order
  };
  std::uint64_t magic = block_magic;
  Event event = Event::made;
  std::uint32_t unused = 0;
  BlockName name{};
};

/// The answer to `made`, in an eventfd.
inline constexpr std::uint64_t block_kept = 1;
inline constexpr std::uint64_t block_table_full = 2;

/// Where named blocks are: the file of a name.
[[nodiscard]] std::string block_path(const char* name);

/// A named block, in memory that outlives a guardian. Written by the guardian alone.
struct KeptBlock {
  std::uint64_t device = 0;  ///< the file, whatever its name is by now
  std::uint64_t inode = 0;
  std::int32_t owner = 0;  ///< with whose violent end it goes, in the guardian's table of processes
  std::uint32_t kept = 0;  ///< 0: free. Written last, so that a guardian may be killed at any time
  BlockName name{};
};
struct BlockTableHead {
  std::uint64_t used = 0;  ///< places that were ever taken: no look goes beyond, so no memory is
};

/// The named blocks of the guardian's tree. A block is its maker's until that ends in order or another
/// process uses it too; then it is the tree's. What is its owner's when that is killed is unlinked then,
/// everything with the tree. A name that somebody else's block has by now is left alone. Not thread-safe.
class BlockTable {
 public:
  static constexpr std::int32_t tree = -1;
  static constexpr std::size_t bytes = sizeof(BlockTableHead) + limits::named_blocks_max * sizeof(KeptBlock);

  explicit BlockTable(SealedMemory memory);

  void take(const BlockNote& note, std::array<UniqueFd, 2>& fds, std::int32_t sender);
  /// The process in that place was killed.
  void unlink_blocks_of(std::int32_t owner) noexcept;
  /// Those that are left: the tree has ended.
  void unlink_all() noexcept;

 private:
  [[nodiscard]] KeptBlock* find(std::uint64_t device, std::uint64_t inode) noexcept;
  [[nodiscard]] KeptBlock* free_place() noexcept;
  [[nodiscard]] KeptBlock* first_free() noexcept;
  static void unlink(KeptBlock& block) noexcept;

  [[nodiscard]] std::span<KeptBlock> used() const noexcept { return all_.first(head_->used); }

  SealedMemory memory_;
  BlockTableHead* head_;
  std::span<KeptBlock> all_;
};

}  // namespace forebay::detail
