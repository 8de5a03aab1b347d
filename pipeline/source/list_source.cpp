#include "pipeline/source/list_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "host/error.h"
#include "host/limits.h"

namespace forebay {

namespace {

std::string identity_of(const struct stat& status) {
  return fmt::format("file {}:{} {} bytes, {}.{:09} {}.{:09}", status.st_dev, status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

}  // namespace

ListSource::ListSource(std::string path) : path_(std::move(path)) {
  fd_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  int error = fd_.valid() ? 0 : errno;
  struct stat status {};
  if (error == 0 && ::fstat(fd_.get(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) error = EISDIR;
    if (S_ISREG(status.st_mode)) identity_ = identity_of(status);
  }
  if (error != 0) {
    throw Error(ErrorCode::usage,
                fmt::format("cannot read list {}: {}", path_, std::generic_category().message(error)));
  }
  stop_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_.valid())
    throw os_error(errno, "open list " + path_, "raise the limit of open files (ulimit -n)");
}

void ListSource::interrupt() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN: interrupted very often before.
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
}

SourceMark ListSource::mark() const {
  if (identity_.empty()) return {};
  return {bytes_read_ - (buffer_.size() - begin_), line_};
}

bool ListSource::seek(const SourceMark& mark) {
  if (identity_.empty() || !mark.valid()) return false;
  if (::lseek(fd_.get(), static_cast<off_t>(mark.offset), SEEK_SET) < 0)
    throw os_error(errno, "go on in list " + path_, {}, ErrorCode::io);
  buffer_.clear();
  begin_ = 0;
  line_ = mark.line;
  bytes_read_ = mark.offset;
  return true;
}

bool ListSource::wait_readable() const {
  std::array<pollfd, 2> waits{{{fd_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno != EINTR) throw os_error(errno, "wait for list " + path_, {}, ErrorCode::io);
  }
  return waits[1].revents == 0;
}

std::optional<SourceEntry> ListSource::next() {
  while (std::optional<std::string_view> line = next_line()) {
    if (line_ == 1 && line->starts_with("\xEF\xBB\xBF")) line->remove_prefix(3);
    if (line->ends_with('\r')) line->remove_suffix(1);
    if (line->empty()) continue;
    if (line->find('\0') != std::string_view::npos) {
      fail("holds a NUL byte; a list is plain text with one path a line");
    }
    const std::size_t tab = line->find('\t');
    if (tab == std::string_view::npos) return SourceEntry{*line, {}};
    if (tab == 0) fail("has a label but no path before the tab");
    return SourceEntry{line->substr(0, tab), line->substr(tab + 1)};
  }
  return std::nullopt;
}

std::optional<std::string_view> ListSource::next_line() {
  std::size_t end = buffer_.find('\n', begin_);
  while (end == std::string::npos && buffer_.size() - begin_ <= limits::list_line_bytes_max && read_more()) {
    end = buffer_.find('\n', begin_);
  }
  const bool terminated = end != std::string::npos;
  if (!terminated) end = buffer_.size();
  if (!terminated && end == begin_) return std::nullopt;
  ++line_;
  const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
  begin_ = end + (terminated ? 1 : 0);
  if (line.size() > limits::list_line_bytes_max) {
    fail(fmt::format("is longer than {} bytes; a list is plain text with one path a line",
                     limits::list_line_bytes_max));
  }
  return line;
}

bool ListSource::read_more() {
  if (!wait_readable()) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + limits::list_buffer_bytes);
  ssize_t count = 0;
  do {
    count = ::read(fd_.get(), buffer_.data() + kept, limits::list_buffer_bytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(kept + static_cast<std::size_t>(count > 0 ? count : 0));
  if (count < 0) throw os_error(error, "read list " + path_, {}, ErrorCode::io);
  bytes_read_ += static_cast<std::uint64_t>(count);
  return count > 0;
}

void ListSource::fail(std::string_view what) const {
  throw Error(ErrorCode::usage, fmt::format("line {} of {} {}", line_, path_, what));
}

}  // namespace forebay
