#include "host/codec/encoder.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/memory_budget.h"
#include "host/memory/sealed_memory.h"

namespace forebay {
namespace {

UniqueFd copy_of(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (copy.valid()) return copy;
  if (errno == EBADF) {
    throw Error(ErrorCode::usage, "descriptor " + std::to_string(fd) +
                                      " is not open, so it cannot be passed to another process");
  }
  throw os_error(errno, "cannot copy a descriptor to pass it on",
                 "raise the limit on open files (ulimit -n)");
}

}  // namespace

void Encoder::write_range(const void* elements, std::size_t count, std::size_t element_bytes) {
  const std::size_t bytes = count * element_bytes;
  write_plain(static_cast<std::uint64_t>(count));
  if (bytes < limits::shared_range_bytes_min || !descriptors_) {
    write_plain(RangePlace::message);
    const std::size_t past = encoded_.bytes.size() % range_alignment;
    if (past != 0) encoded_.bytes.resize(encoded_.bytes.size() + range_alignment - past);
    if (bytes != 0) write(elements, bytes);
    return;
  }
  if (bytes >= limits::admitted_range_bytes_min) {
    MemoryBudget::read().admit(bytes, "an argument or result", "pass less at a time");
  }
  SealedMemory memory = SealedMemory::create("forebay-range", bytes);
  std::memcpy(memory.bytes().data(), elements, bytes);
  write_plain(RangePlace::shared);
  write_fd(memory.fd());
}

void Encoder::write_shared_fd(std::uint64_t key, int fd) {
  for (const auto& [known, index] : shared_fds_) {
    if (known == key) return write_plain(index);
  }
  shared_fds_.emplace_back(key, static_cast<std::uint32_t>(encoded_.fds.size()));
  write_fd(fd);
}

void Encoder::write_fd(int fd) {
  if (!descriptors_) {
    throw Error(ErrorCode::usage,
                "descriptors, channels, locks, events and queues cannot go through a queue; pass "
                "them as arguments of a process or over a pipe");
  }
  UniqueFd copy = copy_of(fd);
  if (encoded_.fds.size() >= limits::message_fds_max) {
    throw Error(ErrorCode::usage, "a call carries at most " + std::to_string(limits::message_fds_max) +
                                      " descriptors and large ranges; pass fewer at a time");
  }
  write_plain(static_cast<std::uint32_t>(encoded_.fds.size()));
  encoded_.fds.push_back(std::move(copy));
}

}  // namespace forebay
