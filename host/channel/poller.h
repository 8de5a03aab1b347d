#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "host/memory/unique_fd.h"

namespace forebay {

/// Waits for readiness of many descriptors (epoll, level-triggered). One thread. A descriptor leaves by
/// remove() or when its last copy is closed.
class Poller {
 public:
  struct Event {
    std::uint64_t tag = 0;
    bool readable = false;  ///< also set on hang-up and error: reading tells which
    bool writable = false;
  };

  /// Throws Error(environment).
  Poller();
  /// Throws Error(environment).
  void add(int fd, std::uint64_t tag);
  /// Also asks for writability from now on, or no longer.
  void want_write(int fd, std::uint64_t tag, bool on);
  void remove(int fd) noexcept;
  /// Waits for at most `timeout`; the events are valid until the next call. EINTR counts as a time-out.
  [[nodiscard]] std::span<const Event> wait(std::chrono::milliseconds timeout);

 private:
  static constexpr std::size_t events_max = 64;  // more are reported by the next call
  UniqueFd fd_;
  std::array<Event, events_max> events_;
};

}  // namespace forebay
