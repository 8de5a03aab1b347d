#include "pipeline/sink/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "host/error.h"

namespace forebay {

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  fd_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd_.valid() || ::fstat(fd_.get(), &status) != 0) throw os_error(errno, "open " + path_);
  size_ = static_cast<std::uint64_t>(status.st_size);
}

std::vector<std::byte> InputFile::read(std::uint64_t offset, std::size_t count) const {
  const std::uint64_t there = offset < size_ ? size_ - offset : 0;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(count, there)));
  bytes.resize(read_into(bytes, offset));
  return bytes;
}

std::size_t InputFile::read_into(std::span<std::byte> out, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw os_error(errno, "read " + path_, {}, ErrorCode::io);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace forebay
