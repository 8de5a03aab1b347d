#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "host/channel/channel.h"
#include "host/process/child.h"

namespace forebay::probe {

using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// No test waits longer for what must happen; the machine may be busy.
inline constexpr std::chrono::seconds patience{20};

inline std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + patience; }

/// A message between a test and its children.
struct Note {
  std::int64_t number = 0;
  std::array<char, 2040> text{};

  static Note of(const std::string& words, std::int64_t number = 0) {
    Note note;
    note.number = number;
    std::copy_n(words.begin(), std::min(words.size(), note.text.size() - 1), note.text.begin());
    return note;
  }
  [[nodiscard]] std::string words() const { return text.data(); }
};

inline void tell(Channel& channel, const Note& note) {
  const auto bytes = std::as_bytes(std::span(&note, 1));
  if (channel.send_until(bytes, {}, soon()) != SendResult::sent) throw std::runtime_error("cannot tell");
}

/// Throws where the peer closed or said nothing.
inline Note hear(Channel& channel) {
  const auto received = std::make_unique<Received>();
  const ReceiveResult result = channel.receive_until(*received, soon());
  if (result != ReceiveResult::received) {
    throw std::runtime_error(result == ReceiveResult::closed ? "the peer closed" : "the peer said nothing");
  }
  return received->as<Note>().value();
}

/// The channel is closed: the peer has ended or let go of it.
inline bool closes(Channel& channel) {
  const auto received = std::make_unique<Received>();
  return channel.receive_until(*received, soon()) == ReceiveResult::closed;
}

/// Stays until the channel closes. For children that must be there and do nothing.
inline int stay(Channel channel) {
  static_cast<void>(closes(channel));
  return 0;
}

/// Answers every note with the same.
inline int echo(Channel channel) {
  const auto received = std::make_unique<Received>();
  while (channel.receive_until(*received, soon()) == ReceiveResult::received) {
    tell(channel, received->as<Note>().value());
  }
  return 0;
}

/// Watches any process, a child or not, and leaves none behind: what a failed test did not end is killed.
class Watched {
 public:
  explicit Watched(pid_t pid) : pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  Watched(Watched&&) noexcept = default;
  Watched& operator=(Watched&&) noexcept = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    if (valid()) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  }

  [[nodiscard]] bool valid() const noexcept { return pidfd_.valid(); }
  [[nodiscard]] bool ends_within(std::chrono::milliseconds time) const noexcept {
    pollfd entry{pidfd_.get(), POLLIN, 0};
    return ::poll(&entry, 1, static_cast<int>(time.count())) == 1;
  }

 private:
  UniqueFd pidfd_;
};

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// "3:socket:[…]\n" and so on: the open descriptors of this process with what they are, in order.
inline std::string open_files() {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    // The iterator's own descriptor is no one's.
    if (!gone && !target.ends_with("/fd"))
      lines.push_back(entry.path().filename().string() + ":" + target + "\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

/// Redirects a standard stream of this process, and so of children that it spawns, and gives what came.
class Captured {
 public:
  explicit Captured(int stream)
      : stream_(stream),
        saved_(::fcntl(stream, F_DUPFD_CLOEXEC, 10)),
        file_(::memfd_create("captured", MFD_CLOEXEC)) {
    ::dup2(file_.get(), stream_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() { ::dup2(saved_.get(), stream_); }

  [[nodiscard]] std::string text() const { return file_text("/proc/self/fd/" + std::to_string(file_.get())); }

 private:
  int stream_;
  UniqueFd saved_;
  UniqueFd file_;
};

/// An empty folder that goes with the object.
class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "forebay-process-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace forebay::probe
