#include "host/channel/queue.h"

#include <cstring>
#include <string>

#include "host/contract.h"

namespace forebay {
namespace {

void check(const QueueOptions& options) {
  if (options.max_size < 1 || options.max_size > limits::queue_messages_max) {
    throw Error(ErrorCode::usage, "a queue holds 1 to " + std::to_string(limits::queue_messages_max) +
                                      " messages, not " + std::to_string(options.max_size));
  }
  if (options.message_bytes_max < 1 || options.message_bytes_max > limits::queue_message_bytes_max) {
    throw Error(ErrorCode::usage, "a queue's message has at most 1 to " +
                                      std::to_string(limits::queue_message_bytes_max) + " bytes, not " +
                                      std::to_string(options.message_bytes_max));
  }
}

}  // namespace

QueueFull::QueueFull(std::source_location where)
    : Error(ErrorCode::timeout, "the queue was full all the time; let consumers take more, or wait longer",
            where) {}
QueueEmpty::QueueEmpty(std::source_location where)
    : Error(ErrorCode::timeout, "the queue was empty all the time; wait longer", where) {}
QueueClosed::QueueClosed(std::source_location where)
    : Error(ErrorCode::usage, "the queue is closed", where) {}

ByteQueue::ByteQueue(const QueueOptions& options, bool acknowledge)
    : ByteQueue([&options] {
        check(options);
        return SharedHandle::make(ObjectKind::queue,
                                  QueueBody::bytes_for(options.max_size, options.message_bytes_max));
      }()) {
  body_->create(options.max_size, options.message_bytes_max, acknowledge);
}

void ByteQueue::Loan::commit(std::size_t count) {
  expect(queue_ != nullptr && count <= bytes_.size(), "a loan is committed once, and not beyond its size");
  std::exchange(queue_, nullptr)->commit(position_, count);
}

ByteQueue::Loan ByteQueue::loan(std::size_t bytes, Clock::time_point deadline) {
  if (bytes > body_->message_bytes_max) {
    throw Error(ErrorCode::usage, "a message of " + std::to_string(bytes) +
                                      " bytes does not fit a queue whose " + "messages have at most " +
                                      std::to_string(body_->message_bytes_max) +
                                      "; raise QueueOptions::message_bytes_max");
  }
  std::uint64_t position = QueueBody::full_or_empty;
  const auto reserved = [&] {
    if (closed()) throw QueueClosed();
    position = body_->try_reserve(self());
    return position != QueueBody::full_or_empty;
  };
  if (!body_->freed.wait(reserved, deadline, freed_spin_)) throw QueueFull();
  return {*body_, position, bytes};
}

void ByteQueue::put_bytes(std::span<const std::byte> message, Clock::time_point deadline) {
  Loan room = loan(message.size(), deadline);
  if (!message.empty()) std::memcpy(room.bytes().data(), message.data(), message.size());
  room.commit();
}

ByteQueue::View ByteQueue::take(Clock::time_point deadline) {
  std::uint64_t position = QueueBody::full_or_empty;
  const auto taken = [&] {
    position = body_->try_take(self());
    if (position != QueueBody::full_or_empty) return true;
    // Looked at after the queue: a message that was put before the close is not missed.
    if (closed() && body_->ready() == 0) throw QueueClosed();
    return false;
  };
  if (!body_->filled.wait(taken, deadline, filled_spin_)) throw QueueEmpty();
  return {*body_, position};
}

void ByteQueue::close() noexcept {
  body_->closed.store(1, std::memory_order_release);
  body_->filled.wake_all();
  body_->freed.wake_all();
}

}  // namespace forebay
