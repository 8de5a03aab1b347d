#include "host/channel/poller.h"

#include <sys/epoll.h>

#include <cerrno>

#include "host/error.h"

namespace forebay {
namespace {

constexpr const char* remedy = "raise the limit on open files (ulimit -n)";

void control(int epoll_fd, int operation, int fd, std::uint64_t tag, std::uint32_t interest) {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_fd, operation, fd, &event) != 0)
    throw os_error(errno, "cannot watch a descriptor", remedy);
}

}  // namespace

Poller::Poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!fd_.valid()) throw os_error(errno, "cannot create an epoll instance", remedy);
}

void Poller::add(int fd, std::uint64_t tag) { control(fd_.get(), EPOLL_CTL_ADD, fd, tag, EPOLLIN); }

void Poller::want_write(int fd, std::uint64_t tag, bool on) {
  const std::uint32_t interest =
      on ? std::uint32_t{EPOLLIN} | std::uint32_t{EPOLLOUT} : std::uint32_t{EPOLLIN};
  control(fd_.get(), EPOLL_CTL_MOD, fd, tag, interest);
}

void Poller::remove(int fd) noexcept {
  epoll_event event{};
  // ENOENT and EBADF: it left by being closed.
  static_cast<void>(::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, &event));
}

std::span<const Poller::Event> Poller::wait(std::chrono::milliseconds timeout) {
  std::array<epoll_event, events_max> raw{};
  const int count =
      ::epoll_wait(fd_.get(), raw.data(), static_cast<int>(raw.size()), static_cast<int>(timeout.count()));
  if (count < 0 && errno != EINTR) throw os_error(errno, "cannot wait for events");
  const std::size_t got = count < 0 ? 0 : static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < got; ++i) {
    const std::uint32_t bits = raw[i].events;
    events_[i] = {raw[i].data.u64, (bits & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0, (bits & EPOLLOUT) != 0};
  }
  return {events_.data(), got};
}

}  // namespace forebay
