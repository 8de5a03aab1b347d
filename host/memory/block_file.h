#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "host/memory/unique_fd.h"

namespace forebay::detail {

/// The file behind a named block of shared memory.
struct BlockFile {
  UniqueFd fd;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::size_t bytes = 0;
};

/// The name without a "/" in front. Throws Error(usage) where it is none.
[[nodiscard]] std::string checked_block_name(const std::string& name);

/// A file without a name that has its memory. Throws as SharedMemory::create() does.
[[nodiscard]] BlockFile make_block_file(std::size_t bytes);
/// Gives it a name. False: that one is taken. Throws Error(environment).
[[nodiscard]] bool link_block(const BlockFile& file, const std::string& name);
[[nodiscard]] bool block_exists(const std::string& name) noexcept;
/// Whether the name is this very file's.
[[nodiscard]] bool has_name(const BlockFile& file, const std::string& name) noexcept;

/// The file of this name, or nothing valid where there is none. Throws as SharedMemory::attach() does.
[[nodiscard]] BlockFile open_block_file(const std::string& name);
/// What a received descriptor refers to. `name` is for messages.
[[nodiscard]] BlockFile block_file_of(UniqueFd fd, const std::string& name);

}  // namespace forebay::detail
