#include "host/channel/reception.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "host/channel/listener.h"
#include "host/limits.h"
#include "host/sync/interrupt.h"
#include "host/sync/wait_point.h"

namespace forebay::detail {

Reception::Reception(int listening, int stop, const ListenerOptions& options)
    : listening_(listening), stop_(stop), options_(options), scratch_(std::make_unique<Received>()) {}

std::optional<Reception::Guest> Reception::next(Clock::time_point deadline) {
  while (true) {
    const bool in_time = wait(deadline);
    if (auto guest = serve()) return guest;
    // Only now, after what has come was looked at: nobody is dropped because nobody accepted for a while.
    drop_overdue();
    if (knocked_) admit();
    if (!in_time) return std::nullopt;
  }
}

/// Waits until there is something to do. False: the deadline has passed (there may be something all the
/// same).
bool Reception::wait(Clock::time_point deadline) {
  throw_if_interrupted();
  std::vector<pollfd> entries{{stop_, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}, {listening_, POLLIN, 0}};
  auto until = std::min(deadline, Clock::now() + limits::idle_poll);
  for (const Handshake& one : pending_) {
    entries.push_back({one.fd(), POLLIN, 0});
    until = std::min(until, one.deadline());
  }
  while (true) {
    const auto left = std::max<std::chrono::nanoseconds>(until - Clock::now(), std::chrono::nanoseconds(0));
    const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000),
                           static_cast<long>(left.count() % 1'000'000'000)};
    if (::ppoll(entries.data(), entries.size(), &timeout, nullptr) >= 0) break;
    if (errno != EINTR) throw os_error(errno, "cannot wait for clients", {}, ErrorCode::io);
    throw_if_interrupted();
  }
  throw_if_interrupted();
  if (entries[0].revents != 0) throw ListenerClosed();
  knocked_ = entries[2].revents != 0;
  readable_.clear();
  for (std::size_t i = 3; i < entries.size(); ++i) readable_.push_back(entries[i].revents != 0);
  return Clock::now() < deadline;
}

/// Hears those that have said something, until one is let in.
std::optional<Reception::Guest> Reception::serve() {
  for (std::size_t i = 0; i < pending_.size();) {
    if (!readable_[i]) {
      ++i;
      continue;
    }
    Handshake one = std::move(pending_[i]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    readable_.erase(readable_.begin() + static_cast<std::ptrdiff_t>(i));
    std::optional<Connection> connection = finish(one);
    if (connection) return Guest{std::move(*connection), one.peer()};
    ++dropped_;
  }
  return std::nullopt;
}

std::optional<Connection> Reception::finish(Handshake& one) {
  try {
    if (!one.hear(options_.authkey ? &*options_.authkey : nullptr, *scratch_)) return std::nullopt;
  } catch (const Error& error) {
    // Too long, or with too many descriptors: the client's fault, which costs the others nothing.
    if (error.code() == ErrorCode::protocol || error.code() == ErrorCode::io) return std::nullopt;
    throw;
  }
  while (true) {
    try {
      return one.let_in();
    } catch (const Error& error) {
      // Those that have not said anything yet may be what takes all descriptors.
      if (error.code() != ErrorCode::environment || pending_.empty()) throw;
      drop_one_of_the_many();
    }
  }
}

/// Takes those that have connected, a few at a time: a flood must not keep those from being heard that are
/// here already.
void Reception::admit() {
  for (int count = 0; count < limits::listener_admissions;) {
    UniqueFd fd(::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) {
      if (errno == EAGAIN) return;
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EINVAL) throw ListenerClosed();
      if ((errno == EMFILE || errno == ENFILE) && !pending_.empty()) {
        drop_one_of_the_many();
        continue;
      }
      throw os_error(errno, "cannot accept a client", "raise the limit on open files (ulimit -n)");
    }
    ++count;
    const SocketPeer peer = peer_of(fd.get());
    constexpr auto longest =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds::max());
    Handshake one(Channel(std::move(fd)), peer, after(std::min(options_.handshake, longest)));
    if (!options_.any_user && !is_trusted(peer)) {
      one.turn_away();
      ++dropped_;
    } else if (one.greet(options_.authkey.has_value())) {
      if (pending_.size() >= limits::listener_handshakes_max) drop_one_of_the_many();
      pending_.push_back(std::move(one));
    } else {
      ++dropped_;
    }
  }
}

void Reception::drop_overdue() {
  const auto now = Clock::now();
  for (std::size_t i = 0; i < pending_.size();) {
    if (!readable_[i] && now >= pending_[i].deadline()) {
      drop(i);
    } else {
      ++i;
    }
  }
}

/// Makes room: the oldest of the process that has the most, so that one which floods pushes out its own.
void Reception::drop_one_of_the_many() {
  std::map<pid_t, std::size_t> counts;
  for (const Handshake& one : pending_) ++counts[one.peer().pid];
  std::size_t most = 0;
  for (std::size_t i = 1; i < pending_.size(); ++i) {
    if (counts[pending_[i].peer().pid] > counts[pending_[most].peer().pid]) most = i;
  }
  drop(most);
}

void Reception::drop(std::size_t index) {
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
  if (index < readable_.size()) readable_.erase(readable_.begin() + static_cast<std::ptrdiff_t>(index));
  ++dropped_;
}

}  // namespace forebay::detail
