#include "pipeline/cli/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <utility>

#include "host/error.h"
#include "host/limits.h"

namespace forebay::cli {
namespace {

sigset_t stop_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

}  // namespace

void ignore_write_signals() {
  for (const int number : {SIGPIPE, SIGXFSZ}) std::signal(number, SIG_IGN);
}

void block_stop_signals() {
  const sigset_t set = stop_signals();
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    throw os_error(error, "block signals");
  }
}

SignalWatch::SignalWatch(std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {
  const sigset_t set = stop_signals();
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  end_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_.valid() || !end_.valid()) throw os_error(errno, "watch for signals");
  thread_ = std::jthread([this] { run(); });
}

SignalWatch::~SignalWatch() {
  const std::uint64_t one = 1;
  // An eventfd that is written once never refuses.
  [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof(one));
}

void SignalWatch::run() {
  std::array<pollfd, 2> waits{{{signals_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
  using Clock = std::chrono::steady_clock;
  int count = 0;
  Clock::time_point last{};
  while (true) {
    const bool impatient = count == 1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(last + limits::stop_patience - Clock::now());
    const int timeout_ms = impatient ? static_cast<int>(std::max<std::int64_t>(0, left.count())) : -1;
    const int ready = ::poll(waits.data(), waits.size(), timeout_ms);
    if (ready < 0) continue;  // EINTR: a debugger
    if (waits[1].revents != 0) return;
    if (ready == 0) {
      on_signal_(++count);
      continue;
    }
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) continue;
    const auto now = Clock::now();
    const bool again = info.ssi_signo != SIGHUP && now - last >= limits::stop_again;
    if (count > 0 && !again) continue;
    last = now;
    on_signal_(++count);
  }
}

}  // namespace forebay::cli
