#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "host/memory/unique_fd.h"

namespace forebay {

/// A file that a run writes, at offsets of the writer's choice. Move-only; closed at destruction. Not
/// thread-safe.
class OutputFile {
 public:
  /// Creates `path`, or takes the place of what is there, in one step: the name always leads to a file that
  /// begins with all of `head`. Whoever has the former file open or mapped keeps it. Throws Error(io |
  /// no_space | environment).
  OutputFile(std::string path, std::span<const std::byte> head);

  /// Opens one that is there, and leaves it as it is. Throws Error(io | environment).
  [[nodiscard]] static OutputFile reopen(std::string path);

  /// Writes all bytes at `offset`. Blocks. Throws Error(no_space | io); how much was written is then unknown.
  void write(std::span<const std::byte> bytes, std::uint64_t offset);

  /// Reserves the space up to `end` without changing the size. False where the file system has no such call.
  /// Throws Error(no_space | io).
  [[nodiscard]] bool reserve(std::uint64_t end);

  /// Cuts the file to `bytes` and gives reserved space beyond it back. Throws Error(io).
  void cut(std::uint64_t bytes);

  /// To the disk: what was written, and the size. Blocks. Throws Error(io).
  void sync();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  OutputFile(std::string path, UniqueFd fd) noexcept : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace forebay
