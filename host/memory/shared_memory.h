#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <source_location>
#include <span>
#include <string>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"
#include "host/error.h"

namespace forebay {

/// There is a block of this name already. ErrorCode::usage.
class BlockExists : public Error {
 public:
  explicit BlockExists(const std::string& name, std::source_location where = std::source_location::current());
};
/// There is no block of this name, or not the one that it was. ErrorCode::usage.
class BlockNotFound : public Error {
 public:
  explicit BlockNotFound(const std::string& name,
                         std::source_location where = std::source_location::current());
};

struct SharedMemoryOptions {
  /// The block is unlinked at the latest when this program's tree of processes has ended, in whatever way, or
  /// when its maker is killed and nobody else of the tree has used it. False: it stays until somebody unlinks
  /// it, or the machine is restarted.
  bool tracked = true;
};

/// Python's multiprocessing.shared_memory.SharedMemory: memory with a name, which any process of the same
/// user can attach by that name, also one that is no relative and no C++ program. Where a name is not needed,
/// SharedRange and Array are simpler and safer: they cannot be truncated by others, and nothing can be left.
///
/// A handle: copies share the mapping; what arrives as an argument in another process is the same block, also
/// where its name is unlinked by then. Its memory is there from the beginning, so no write to it fails later,
/// unless another process of the same user truncates the block: a named file cannot be sealed against that.
/// Making, attaching and unlinking are thread-safe; close() ends the use in all threads of this process.
class SharedMemory {
 public:
  /// A new block, zeroed. Nobody sees it before it has all of its memory. Throws BlockExists; Error(usage)
  /// for a size of 0, one that no file has, and a name that is no name ("/" in it, "." or "..", NUL, empty,
  /// more than limits::block_name_bytes_max bytes; a "/" in front is allowed as in POSIX, and no part of it);
  /// Error(no_space) where /dev/shm is full; Error(no_memory) where the machine's memory or its cgroup's is
  /// too little; Error(environment). Blocks about 0.3 s per GiB.
  [[nodiscard]] static SharedMemory create(const std::string& name, std::size_t bytes,
                                           const SharedMemoryOptions& options = {});
  /// The same with a name of its own, "forebay_" and 16 digits.
  [[nodiscard]] static SharedMemory create(std::size_t bytes, const SharedMemoryOptions& options = {});

  /// The block of this name, as large as it is. Throws BlockNotFound; Error(usage) for what is no name;
  /// Error(protocol) for what is no block: no plain file, or empty; Error(no_space) where it was made without
  /// its memory and /dev/shm is full; Error(environment) where it is another user's.
  [[nodiscard]] static SharedMemory attach(const std::string& name);

  /// The memory; empty after close().
  [[nodiscard]] std::span<std::byte> buf() const noexcept;
  [[nodiscard]] const std::string& name() const noexcept;
  /// As many bytes as it was made with.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Ends the use here, for all handles in this process that come from this one. The block stays.
  void close() noexcept;
  /// Takes the name away; who uses the block goes on, and its memory is free after the last. Throws
  /// BlockNotFound, also where another block has the name by now.
  void unlink() const;

  void encode_into(Encoder& out) const;
  [[nodiscard]] static SharedMemory decode_from(Decoder& in);

 private:
  friend SharedMemory create_block(const std::function<std::string()>& next_name, std::size_t bytes,
                                   const SharedMemoryOptions& options, unsigned tries);
  struct Block;
  explicit SharedMemory(std::shared_ptr<Block> block) noexcept : block_(std::move(block)) {}
  std::shared_ptr<Block> block_;
};

/// What create() is made of: names are asked for until one is free, `tries` times at most.
[[nodiscard]] SharedMemory create_block(const std::function<std::string()>& next_name, std::size_t bytes,
                                        const SharedMemoryOptions& options, unsigned tries);

}  // namespace forebay
