#include "host/channel/listener.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "host/contract.h"
#include "host/sync/interrupt.h"
#include "host/sync/wait_point.h"

namespace forebay {
namespace {

const ListenerOptions& checked(const ListenerOptions& options) {
  if (options.backlog < 1) throw Error(ErrorCode::usage, "a listener's backlog is at least 1");
  if (options.handshake <= std::chrono::milliseconds(0)) {
    throw Error(ErrorCode::usage, "a listener gives its clients some time for the handshake");
  }
  return options;
}

UniqueFd stop_event() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid())
    throw os_error(errno, "cannot create a listener", "raise the limit on open files (ulimit -n)");
  return fd;
}

}  // namespace

ListenerClosed::ListenerClosed(std::source_location where)
    : Error(ErrorCode::usage, "the listener is closed", where) {}

/// A thread in accept(). close() waits until there is none.
class Listener::Visit {
 public:
  explicit Visit(Listener& listener) : listener_(listener), lock_(listener.mutex_) {
    if (listener_.closed_) throw ListenerClosed();
    ++listener_.inside_;
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    if (!lock_.owns_lock()) lock_.lock();
    if (mine_) listener_.busy_ = false;
    --listener_.inside_;
    listener_.changed_.notify_all();
  }

  /// Waits its turn; false at the deadline. Then the lock is let go of.
  [[nodiscard]] bool take_turn(std::chrono::steady_clock::time_point deadline) {
    const bool free = detail::wait_interruptibly(lock_, listener_.changed_, deadline,
                                                 [this] { return listener_.closed_ || !listener_.busy_; });
    if (listener_.closed_) throw ListenerClosed();
    if (!free) return false;
    mine_ = listener_.busy_ = true;
    lock_.unlock();
    return true;
  }
  void end_turn(const SocketPeer& peer) {
    lock_.lock();
    listener_.last_accepted_ = peer;
  }

 private:
  Listener& listener_;
  std::unique_lock<std::mutex> lock_;
  bool mine_ = false;
};

Listener::Listener(std::string_view address, ListenerOptions options)
    : options_(checked(options)),
      stop_(stop_event()),
      socket_(address.empty() ? detail::SocketAddress::fresh() : detail::SocketAddress(address),
              options_.backlog, options_.any_user),
      reception_(socket_.fd(), stop_.get(), options_) {}

Connection Listener::accept() {
  auto connection = accept_until(std::chrono::steady_clock::time_point::max());
  expect(connection.has_value(), "a wait without a deadline ends with a client or an exception");
  return std::move(*connection);
}

std::optional<Connection> Listener::accept(std::chrono::nanoseconds timeout) {
  return accept_until(detail::after(timeout));
}

std::optional<Connection> Listener::accept_until(std::chrono::steady_clock::time_point deadline) {
  Visit visit(*this);
  if (!visit.take_turn(deadline)) return std::nullopt;
  struct CountDropped {
    Listener& listener;
    ~CountDropped() { listener.dropped_.store(listener.reception_.dropped(), std::memory_order_relaxed); }
  } const count{*this};
  auto guest = reception_.next(deadline);
  if (!guest) return std::nullopt;
  visit.end_turn(guest->peer);
  return std::move(guest->connection);
}

std::optional<SocketPeer> Listener::last_accepted() const {
  const std::scoped_lock lock(mutex_);
  return last_accepted_;
}

void Listener::close() noexcept {
  std::unique_lock lock(mutex_);
  if (!closed_) {
    closed_ = true;
    socket_.stop();
    const std::uint64_t one = 1;
    static_cast<void>(::write(stop_.get(), &one, sizeof(one)));
    changed_.notify_all();
  }
  // Those that are inside come out at once: nothing there waits for a client without looking at stop_.
  changed_.wait(lock, [this] { return inside_ == 0; });
  socket_.close();
  reception_.close();
}

}  // namespace forebay
