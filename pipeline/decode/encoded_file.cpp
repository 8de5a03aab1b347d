#include "pipeline/decode/encoded_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "host/limits.h"
#include "pipeline/decode/item_error.h"

namespace forebay {
namespace {

/// Larger files give their memory back with the next smaller one.
constexpr std::size_t keep_bytes = std::size_t{16} << 20U;

ItemFailure io_failure(const char* action) {
  return {ItemErrorCode::io_error, fmt::format("{}: {}", action, std::generic_category().message(errno))};
}

}  // namespace

std::span<const std::byte> EncodedFile::read(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw io_failure("cannot stat");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size == 0) throw ItemFailure(ItemErrorCode::empty_file, "the file is empty");
  if (size > limits::encoded_bytes_max) {
    throw ItemFailure(ItemErrorCode::too_large,
                      fmt::format("the file has {} bytes, the limit is {}", size, limits::encoded_bytes_max));
  }
  if (size > capacity_ || (capacity_ > keep_bytes && size <= keep_bytes)) {
    memory_.reset();
    capacity_ = 0;
    memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
    capacity_ = size;
  }
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, memory_.get() + done, size - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_failure("cannot read");
    if (got == 0) throw ItemFailure(ItemErrorCode::io_error, "the file became shorter while it was read");
    done += static_cast<std::size_t>(got);
  }
  return {memory_.get(), done};
}

}  // namespace forebay
