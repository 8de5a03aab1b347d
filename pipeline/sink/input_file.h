#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/memory/unique_fd.h"

namespace forebay {

/// A file that is read at offsets of the reader's choice. Move-only; closed at destruction. Thread-safe.
class InputFile {
 public:
  /// Throws Error(environment | io).
  explicit InputFile(std::string path);

  /// Its size when it was opened.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// The bytes [offset, offset + count), fewer where the file ends before. Blocks. Throws Error(io).
  [[nodiscard]] std::vector<std::byte> read(std::uint64_t offset, std::size_t count) const;
  /// The same into memory of the caller's; returns how many.
  [[nodiscard]] std::size_t read_into(std::span<std::byte> out, std::uint64_t offset) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace forebay
