#include "host/memory/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/memory_budget.h"
#include "host/process/block_table.h"

namespace forebay::detail {
namespace {

constexpr std::uint64_t sector_bytes = 512;  // of st_blocks
constexpr const char* shm_folder = "/dev/shm";

/// Takes the memory now: a later write to a page that cannot be had would be SIGBUS.
void reserve(int fd, std::size_t bytes) {
  if (bytes >= limits::admitted_range_bytes_min) {
    MemoryBudget::read().admit(bytes, "a block of shared memory", "use a smaller one, or unlink others");
  }
  while (::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) != 0) {
    if (errno == EINTR) continue;
    throw os_error(errno, "cannot reserve " + std::to_string(bytes) + " bytes in /dev/shm",
                   "unlink blocks of shared memory, or give /dev/shm more room (mount -o remount,size=..., "
                   "docker run --shm-size)");
  }
}

}  // namespace

std::string checked_block_name(const std::string& name) {
  const std::string bare = name.starts_with('/') ? name.substr(1) : name;
  const char* wrong = nullptr;
  if (bare.empty()) wrong = "is empty";
  if (bare == "." || bare == "..") wrong = "is a folder's";
  if (bare.find('/') != std::string::npos) wrong = "has a \"/\" in it";
  if (bare.find('\0') != std::string::npos) wrong = "has a NUL in it";
  if (bare.size() > limits::block_name_bytes_max) wrong = "is too long";
  if (wrong == nullptr) return bare;
  throw Error(ErrorCode::usage, std::string("the name of a block of shared memory ") + wrong + "; use 1 to " +
                                    std::to_string(limits::block_name_bytes_max) +
                                    " bytes without \"/\" and NUL");
}

BlockFile make_block_file(std::size_t bytes) {
  if (bytes == 0 || bytes > static_cast<std::size_t>(std::numeric_limits<off_t>::max())) {
    throw Error(ErrorCode::usage, "a block of shared memory cannot have " + std::to_string(bytes) +
                                      " bytes; use a size between 1 and what /dev/shm holds");
  }
  UniqueFd fd(::open(shm_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd.valid()) {
    throw os_error(errno, "cannot make a block of shared memory in /dev/shm",
                   "mount a tmpfs there that this user may write to, or raise the limit on open files "
                   "(ulimit -n)");
  }
  reserve(fd.get(), bytes);
  return block_file_of(std::move(fd), "a new one");
}

bool link_block(const BlockFile& file, const std::string& name) {
  const std::string self = "/proc/self/fd/" + std::to_string(file.fd.get());
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, block_path(name.c_str()).c_str(), AT_SYMLINK_FOLLOW) == 0)
    return true;
  if (errno == EEXIST) return false;
  throw os_error(errno, "cannot name a block of shared memory \"" + name + "\"", "mount /proc");
}

bool block_exists(const std::string& name) noexcept {
  struct stat status {};
  return ::lstat(block_path(name.c_str()).c_str(), &status) == 0;
}

bool has_name(const BlockFile& file, const std::string& name) noexcept {
  struct stat status {};
  return ::lstat(block_path(name.c_str()).c_str(), &status) == 0 && status.st_dev == file.device &&
         status.st_ino == file.inode;
}

BlockFile open_block_file(const std::string& name) {
  // Not blocking: the name may be a pipe's.
  UniqueFd fd(::open(block_path(name.c_str()).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return {};
    if (errno == EISDIR || errno == ELOOP || errno == ENXIO) {
      throw Error(ErrorCode::protocol, "\"" + name + "\" in /dev/shm is no block of shared memory");
    }
    throw os_error(errno, "cannot attach the block of shared memory \"" + name + "\"",
                   errno == EACCES ? "ask its owner for the right to write to it"
                                   : "raise the limit on open files (ulimit -n)");
  }
  BlockFile file = block_file_of(std::move(fd), name);
  struct stat status {};
  // Others may make blocks that take memory only when they are written, and then none may be left.
  if (::fstat(file.fd.get(), &status) == 0 &&
      static_cast<std::uint64_t>(status.st_blocks) * sector_bytes < file.bytes) {
    reserve(file.fd.get(), file.bytes);
  }
  return file;
}

BlockFile block_file_of(UniqueFd fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw os_error(errno, "cannot ask for the size of shared memory");
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::protocol, "\"" + name + "\" in /dev/shm is no block of shared memory");
  }
  if (status.st_size <= 0) {
    throw Error(ErrorCode::protocol, "the block of shared memory \"" + name +
                                         "\" is empty: whoever made it has not given it a size yet");
  }
  BlockFile file;
  file.fd = std::move(fd);
  file.device = status.st_dev;
  file.inode = status.st_ino;
  file.bytes = static_cast<std::size_t>(status.st_size);
  return file;
}

}  // namespace forebay::detail
