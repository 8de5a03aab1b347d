#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <memory>
#include <utility>

#include "host/channel/connection.h"
#include "host/limits.h"
#include "host/process/crash_point.h"
#include "host/sync/interrupt.h"

// How an end of a pipe waits for the other, wakes it, and sees its end: see PipeMemory.

namespace forebay {

void Connection::close() noexcept {
  if (closed()) return;
  channel_.close();
  crash_point("pipe.closing");
  shared_->closings[side_].fetch_add(1, std::memory_order_release);  // pairs with closing_is_new
  if (writer_) writer_->rouse();
  if (reader_) reader_->rouse();
  writer_.reset();
  reader_.reset();
  fds_.clear();
}

bool Connection::closing_is_new(std::uint32_t& seen) const noexcept {
  const std::uint32_t now = shared_->closings[1 - side_].load(std::memory_order_acquire);
  return std::exchange(seen, now) != now;
}

void Connection::wake_reader() {
  const Sleeper how = writer_->take_sleeper();
  if (how == Sleeper::none) return;
  crash_point("pipe.wake.due");
  if (how == Sleeper::on_word) return writer_->wake();
  const auto message = PipeSocketMessage::doorbell;
  // A full socket (would_block) wakes as well; a closed one has nobody to wake.
  static_cast<void>(channel_.try_send(message));
}

void Connection::wake_writer() {
  if (!reader_->must_wake()) return;
  crash_point("pipe.wake.due");
  reader_->wake();
}

/// Takes nothing from the socket: that is the receiving thread's.
void Connection::ask_for_the_end() {
  pollfd entry{channel_.fd(), 0, 0};  // a hang-up is told unasked
  if (::poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP) != 0) set_ended();
}

std::optional<std::span<std::byte>> Connection::spin_for_room(std::size_t bytes) {
  const auto spin_until = Clock::now() + write_spin_.next();
  while (Clock::now() < spin_until) {
    spin_pause();
    if (const auto room = writer_->reserve(bytes)) {
      write_spin_.tell(true);
      return room;
    }
  }
  write_spin_.tell(false);
  return std::nullopt;
}

std::span<std::byte> Connection::await_room(std::size_t bytes, Clock::time_point deadline) {
  if (const auto room = writer_->reserve(bytes)) return *room;
  if (const auto room = spin_for_room(bytes)) return *room;
  while (!ended()) {
    if (writer_->announce_full()) {
      if (const auto room = writer_->reserve(bytes)) return *room;
    }
    crash_point("pipe.full.sleep");
    if (closing_is_new(closings_sender_saw_)) {
      ask_for_the_end();
      continue;
    }
    const auto now = Clock::now();
    if (now >= deadline) throw Error(ErrorCode::timeout, "the pipe was full all the time");
    detail::throw_if_interrupted();
    const auto look = std::min<Clock::time_point>(deadline, now + limits::pipe_look);
    writer_->sleep(look);
    if (const auto room = writer_->reserve(bytes)) return *room;
    if (Clock::now() >= look) ask_for_the_end();
  }
  throw ConnectionClosed();
}

bool Connection::has_message() {
  require(reads_, "receive");
  return reader_->readable();
}

bool Connection::announce() {
  require(reads_, "receive");
  return !ended() && reader_->announce(Sleeper::elsewhere);
}

bool Connection::poll(std::chrono::nanoseconds timeout) {
  require(reads_, "receive");
  return reader_->readable() || await_message(detail::after(timeout));
}

/// Doorbells count for nothing once they are read; descriptors are kept.
void Connection::take_from_socket() {
  const auto received = std::make_unique<Received>();
  while (true) {
    const ReceiveResult result = channel_.try_receive(*received);
    if (result == ReceiveResult::would_block) return;
    if (result == ReceiveResult::closed) return set_ended();
    std::move(received->fds.begin(), received->fds.end(), std::back_inserter(fds_));
  }
}

/// Until the socket says something. The caller has announced this.
void Connection::sleep_on_socket(Clock::time_point deadline) {
  const int interrupt = detail::interrupt_fd();
  std::array<pollfd, 2> entries{{{channel_.fd(), POLLIN, 0}, {interrupt, POLLIN, 0}}};
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::clamp<Clock::duration>(deadline - Clock::now(), Clock::duration(0), limits::idle_poll));
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000),
                         static_cast<long>(left.count() % 1'000'000'000)};
  if (::ppoll(entries.data(), interrupt >= 0 ? 2 : 1, &timeout, nullptr) < 0 && errno != EINTR) {
    throw os_error(errno, "cannot wait on a connection", {}, ErrorCode::io);
  }
  take_from_socket();
}

bool Connection::spin_for_message(Clock::time_point deadline) {
  const auto budget = read_spin_.next();
  if (budget == budget.zero()) return false;
  const auto begin = Clock::now();
  if (begin >= deadline) return false;  // who only looks learns nothing about spinning
  const auto spin_until = std::min(deadline, begin + budget);
  while (Clock::now() < spin_until) {
    if (reader_->readable()) {
      read_spin_.tell(true);
      return true;
    }
    spin_pause();
  }
  read_spin_.tell(false);
  return false;
}

/// True: there is a message, or nothing but the end to receive. False: the deadline has passed.
bool Connection::await_message(Clock::time_point deadline) {
  if (reader_->readable() || ended() || spin_for_message(deadline)) return true;
  auto now = Clock::now();
  const auto look = now + limits::pipe_look;
  while (true) {
    if (now >= deadline) {
      take_from_socket();
      return reader_->readable() || ended();
    }
    detail::throw_if_interrupted();
    const bool on_word = now < look;
    if (!reader_->announce(on_word ? Sleeper::on_word : Sleeper::elsewhere)) return true;
    crash_point("pipe.sleep");
    if (closing_is_new(closings_receiver_saw_)) {
      take_from_socket();
    } else if (on_word) {
      reader_->sleep(std::min<Clock::time_point>(deadline, look));
    } else {
      sleep_on_socket(deadline);
    }
    reader_->withdraw();
    if (reader_->readable() || ended()) return true;
    now = Clock::now();
  }
}

}  // namespace forebay
