#include "pipeline/sink/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "host/error.h"

namespace forebay {
namespace {

constexpr std::string_view space_remedy = "free some space or choose another --out";

/// `what` is write, sync or cut: a disk with delayed allocation tells at any of them that it is full.
Error file_error(int error, const char* what, const std::string& path) {
  const std::string call = std::string(what) + " " + path;
  if (error == EFBIG)
    return os_error(error, call, "raise the limit on the size of files (ulimit -f)", ErrorCode::io);
  return os_error(error, call, error == ENOSPC || error == EDQUOT ? space_remedy : "", ErrorCode::io);
}

}  // namespace

OutputFile::OutputFile(std::string path, std::span<const std::byte> head) : path_(std::move(path)) {
  const std::string temporary = path_ + ".tmp";
  fd_.reset(::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd_.valid()) throw os_error(errno, "create " + temporary);
  try {
    write(head, 0);
    if (std::rename(temporary.c_str(), path_.c_str()) != 0) throw os_error(errno, "create " + path_);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

OutputFile OutputFile::reopen(std::string path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) throw os_error(errno, "open " + path);
  return {std::move(path), std::move(fd)};
}

void OutputFile::write(std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw file_error(count < 0 ? errno : EIO, "write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

bool OutputFile::reserve(std::uint64_t end) {
  int error = 0;
  do {
    error = ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(end)) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == EOPNOTSUPP || error == ENOSYS) return false;
  if (error != 0) throw file_error(error, "write", path_);
  return true;
}

void OutputFile::sync() {
  int result = 0;
  do {
    result = ::fdatasync(fd_.get());
  } while (result != 0 && errno == EINTR);
  if (result != 0) throw file_error(errno, "sync", path_);
}

void OutputFile::cut(std::uint64_t bytes) {
  int result = 0;
  do {
    result = ::ftruncate(fd_.get(), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0) throw file_error(errno, "cut", path_);
}

}  // namespace forebay
