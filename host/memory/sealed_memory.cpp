#include "host/memory/sealed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "host/contract.h"
#include "host/error.h"

namespace forebay {
namespace {

constexpr int required_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr unsigned mfd_noexec_seal = 0x0008U;  // Linux 6.3; not in glibc 2.36

std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::size_t whole_pages(std::size_t bytes) {
  const std::size_t page = page_size();
  if (bytes > static_cast<std::size_t>(std::numeric_limits<off_t>::max()) - page) {
    throw Error(ErrorCode::no_memory, "shared memory of " + std::to_string(bytes) + " bytes cannot exist");
  }
  return (bytes + page - 1) / page * page;
}

UniqueFd create_memfd(const char* label) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  // Payload is never code. Kernels before 6.3 do not know the flag; later ones may insist on it
  // (vm.memfd_noexec).
  UniqueFd fd(::memfd_create(label, flags | mfd_noexec_seal));
  if (!fd.valid() && errno == EINVAL) fd.reset(::memfd_create(label, flags));
  if (!fd.valid())
    throw os_error(errno, "cannot create a memfd", "raise the limit on open files (ulimit -n)");
  return fd;
}

Error no_room(int error_number, std::size_t bytes) {
  // tmpfs says ENOSPC (or EFAULT, when populating) where memory is short: no file system of the user's is
  // full.
  if (error_number == ENOSPC || error_number == EFAULT) error_number = ENOMEM;
  return os_error(error_number, "cannot reserve " + std::to_string(bytes) + " bytes of shared memory",
                  "use fewer or smaller slots");
}

void set_size(int fd, std::size_t bytes) {
  while (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    if (errno != EINTR) throw no_room(errno, bytes);
  }
}

void allocate_in_small_pages(int fd, std::size_t bytes) {
  while (::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) != 0) {
    if (errno != EINTR) throw no_room(errno, bytes);
  }
}

void touch_every_page(std::span<std::byte> bytes) noexcept {
  const std::size_t page = page_size();
  for (std::size_t i = 0; i < bytes.size(); i += page)
    static_cast<volatile std::byte&>(bytes[i]) = std::byte{0};
}

/// Takes every page now: reserved and mapped, so that no later write can fault on memory that is not there.
/// Populating comes before any fallocate because fallocate, which knows no advice, would settle on small
/// pages.
void populate(int fd, std::span<std::byte> bytes) {
  // A hint: without huge pages for shared memory (shmem_enabled) everything works, with more TLB misses.
  static_cast<void>(::madvise(bytes.data(), bytes.size(), MADV_HUGEPAGE));
  while (::madvise(bytes.data(), bytes.size(), MADV_POPULATE_WRITE) != 0) {
    if (errno == EINTR) continue;
    if (errno != EINVAL && errno != ENOSYS) throw no_room(errno, bytes.size());
    // Before Linux 5.14. The space must exist before it is touched: a write to a page that cannot is SIGBUS.
    allocate_in_small_pages(fd, bytes.size());
    touch_every_page(bytes);
    return;
  }
}

}  // namespace

SealedMemory::SealedMemory(UniqueFd fd, Mapping mapping) noexcept
    : fd_(std::move(fd)), mapping_(std::move(mapping)) {}

SealedMemory SealedMemory::create(const char* label, std::size_t bytes) {
  return create(label, bytes, false);
}

SealedMemory SealedMemory::create_sparse(const char* label, std::size_t bytes) {
  return create(label, bytes, true);
}

SealedMemory SealedMemory::create(const char* label, std::size_t bytes, bool sparse) {
  expect(bytes > 0, "shared memory has a size");
  const std::size_t size = whole_pages(bytes);
  UniqueFd fd = create_memfd(label);
  set_size(fd.get(), size);
  Mapping mapping(fd.get(), size, Mapping::Access::read_write);
  if (!sparse) populate(fd.get(), mapping.bytes());
  if (::fcntl(fd.get(), F_ADD_SEALS, required_seals) != 0) throw os_error(errno, "cannot seal shared memory");
  return {std::move(fd), std::move(mapping)};
}

SealedMemory SealedMemory::open(UniqueFd fd, std::size_t bytes) {
  expect(bytes > 0, "shared memory has a size");
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & required_seals) != required_seals) {
    throw Error(ErrorCode::protocol,
                "received shared memory that is not sealed against a change of its size");
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw os_error(errno, "cannot ask for the size of shared memory");
  // `bytes` is what the other process said: where it is absurd, that is its fault, not a lack of memory here.
  const auto size = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  if (bytes > size || whole_pages(bytes) != size) {
    throw Error(ErrorCode::protocol, "received shared memory of " + std::to_string(status.st_size) +
                                         " bytes where " + std::to_string(bytes) + " were announced");
  }
  Mapping mapping(fd.get(), size, Mapping::Access::read_write);
  return {std::move(fd), std::move(mapping)};
}

}  // namespace forebay
