#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace forebay {

/// Reads whole encoded files into memory that is used again. pread, not mmap: a file that is cut while it is
/// read must be an error, not a SIGBUS. One thread.
class EncodedFile {
 public:
  /// The contents of the open regular file `fd`, valid until the next call. Throws ItemFailure: empty_file,
  /// too_large (limits::encoded_bytes_max), io_error. Throws std::bad_alloc.
  [[nodiscard]] std::span<const std::byte> read(int fd);

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t capacity_ = 0;
};

}  // namespace forebay
