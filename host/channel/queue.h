#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <span>
#include <utility>

#include "host/channel/queue_core.h"
#include "host/codec/codec.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/sync/shared_handle.h"

namespace forebay {

/// No room for another message in time. ErrorCode::timeout.
class QueueFull : public Error {
 public:
  explicit QueueFull(std::source_location where = std::source_location::current());
};
/// No message in time. ErrorCode::timeout.
class QueueEmpty : public Error {
 public:
  explicit QueueEmpty(std::source_location where = std::source_location::current());
};
/// The queue was closed, and, for a get, holds nothing more. ErrorCode::usage.
class QueueClosed : public Error {
 public:
  explicit QueueClosed(std::source_location where = std::source_location::current());
};

struct QueueOptions {
  std::uint32_t max_size = limits::queue_messages_default;                ///< messages at a time
  std::uint64_t message_bytes_max = limits::queue_message_bytes_default;  ///< of one encoded message
};

/// The untyped queue: messages of bytes. What Queue, JoinableQueue and SimpleQueue are made of. A
/// handle; what arrives as an argument in another process is the same queue. Thread-safe.
class ByteQueue {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point no_deadline = Clock::time_point::max();

  /// Room in the queue, to be written in place. Not committed, it is given back.
  class Loan {
   public:
    Loan(Loan&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), position_(other.position_), bytes_(other.bytes_) {}
    Loan& operator=(Loan&&) = delete;
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() {
      if (queue_ != nullptr) queue_->abandon(position_);
    }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
    /// The first `count` bytes are the message.
    void commit(std::size_t count);
    void commit() { commit(bytes_.size()); }

   private:
    friend class ByteQueue;
    Loan(QueueBody& queue, std::uint64_t position, std::size_t bytes) noexcept
        : queue_(&queue), position_(position), bytes_(queue.payload(position), bytes) {}
    QueueBody* queue_;
    std::uint64_t position_;
    std::span<std::byte> bytes_;
  };

  /// A message in place; it is done with, and its room free, when this object goes.
  class View {
   public:
    View(View&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)), position_(other.position_) {}
    View& operator=(View&&) = delete;
    View(const View&) = delete;
    View& operator=(const View&) = delete;
    ~View() {
      if (queue_ != nullptr && queue_->acknowledged == 0) queue_->release(position_);
    }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
      return {queue_->payload(position_), queue_->slot(position_).bytes};
    }
    /// How often a consumer died while it had this message: not 0, it may have been acted on before.
    [[nodiscard]] std::uint32_t deliveries_before() const noexcept {
      return queue_->slot(position_).deliveries;
    }

   private:
    friend class ByteQueue;
    View(QueueBody& queue, std::uint64_t position) noexcept : queue_(&queue), position_(position) {}
    QueueBody* queue_;
    std::uint64_t position_;
  };

  explicit ByteQueue(const QueueOptions& options = {}) : ByteQueue(options, false) {}

  /// Room for a message of `bytes`. Blocks while the queue is full. Throws QueueFull at the deadline,
  /// QueueClosed, Error(usage) for more bytes than the queue was made for, Interrupted.
  [[nodiscard]] Loan loan(std::size_t bytes, Clock::time_point deadline = no_deadline);
  void put_bytes(std::span<const std::byte> message, Clock::time_point deadline = no_deadline);
  /// The oldest message. Blocks while there is none. Throws QueueEmpty at the deadline, QueueClosed,
  /// Interrupted.
  [[nodiscard]] View take(Clock::time_point deadline = no_deadline);

  /// No more messages from anybody; those that are there can be taken. Wakes all who wait.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return body_->closed.load(std::memory_order_acquire) != 0; }
  /// A look at a moving target: another process may change it at once. Never end a loop by empty(): use
  /// a sentinel or close().
  [[nodiscard]] std::uint64_t qsize() const noexcept { return body_->ready(); }
  [[nodiscard]] bool empty() const noexcept { return qsize() == 0; }
  [[nodiscard]] bool full() const noexcept { return body_->full(); }
  [[nodiscard]] std::uint32_t max_size() const noexcept { return body_->slots; }
  [[nodiscard]] std::uint64_t message_bytes_max() const noexcept { return body_->message_bytes_max; }

  void encode_into(Encoder& out) const { handle_.encode_into(out); }
  [[nodiscard]] static ByteQueue decode_from(Decoder& in) {
    return ByteQueue(SharedHandle::decode_from(in, ObjectKind::queue));
  }

 protected:
  ByteQueue(const QueueOptions& options, bool acknowledge);
  explicit ByteQueue(SharedHandle handle) noexcept
      : handle_(std::move(handle)), body_(handle_.body<QueueBody>()) {}
  [[nodiscard]] QueueBody& body() const noexcept { return *body_; }
  [[nodiscard]] OwnerToken self() const noexcept { return handle_.self(); }
  [[nodiscard]] SpinBudget& freed_spin() noexcept { return freed_spin_; }

 private:
  SharedHandle handle_;
  QueueBody* body_;
  SpinBudget filled_spin_;
  SpinBudget freed_spin_;
};

/// A received message, and how often a consumer died while it had it: not 0, it may have been acted on
/// before.
template <typename T>
struct Delivered {
  T value;
  std::uint32_t deliveries_before = 0;
};

/// Python's multiprocessing.Queue: bounded, first in first out, many producers and consumers in any
/// processes. put() returns when the message is there (no feeder thread). A message that a consumer had
/// when it was killed is delivered again; get_delivered() tells.
template <typename T>
class Queue : public ByteQueue {
  static_assert(Encodable<T>, "forebay: this type cannot go through a Queue: see forebay::Encodable");

 public:
  explicit Queue(const QueueOptions& options = {}) : ByteQueue(options) {}
  explicit Queue(std::uint32_t max_size) : ByteQueue(QueueOptions{.max_size = max_size}) {}

  /// Blocks while the queue is full. Throws QueueClosed, Error(usage) for a message that is too large,
  /// Interrupted.
  void put(const T& message) { put_until(message, no_deadline); }
  /// The same, at most so long (zero or less only tries), then QueueFull.
  void put(const T& message, std::chrono::nanoseconds timeout) { put_until(message, detail::after(timeout)); }
  void put_nowait(const T& message) { put(message, std::chrono::nanoseconds(0)); }

  /// Blocks while the queue is empty. Throws QueueClosed, Interrupted, and what decoding throws (the
  /// message is gone).
  [[nodiscard]] T get() { return get_delivered(no_deadline).value; }
  [[nodiscard]] T get(std::chrono::nanoseconds timeout) {
    return get_delivered(detail::after(timeout)).value;
  }
  [[nodiscard]] T get_nowait() { return get(std::chrono::nanoseconds(0)); }
  [[nodiscard]] Delivered<T> get_delivered(Clock::time_point deadline = no_deadline) {
    const View view = take(deadline);
    Decoder decoder(view.bytes(), {});
    return {decode<T>(decoder), view.deliveries_before()};
  }

  [[nodiscard]] static Queue decode_from(Decoder& in) {
    return Queue(SharedHandle::decode_from(in, ObjectKind::queue));
  }

 protected:
  Queue(const QueueOptions& options, bool acknowledge) : ByteQueue(options, acknowledge) {}
  explicit Queue(SharedHandle handle) noexcept : ByteQueue(std::move(handle)) {}

 private:
  void put_until(const T& message, Clock::time_point deadline) {
    if constexpr (detail::is_plain<T>) {
      put_bytes({reinterpret_cast<const std::byte*>(&message), sizeof(T)}, deadline);
    } else {
      Encoder encoder = Encoder::without_descriptors();
      encode(encoder, message);
      put_bytes(encoder.encoded().bytes, deadline);
    }
  }
};

/// Python's JoinableQueue: a message counts as unfinished until its consumer calls task_done(), and is
/// delivered again where that one is killed before. Messages that were taken and are not done take room
/// in the queue.
template <typename T>
class JoinableQueue : public Queue<T> {
 public:
  explicit JoinableQueue(const QueueOptions& options = {}) : Queue<T>(options, true) {}
  explicit JoinableQueue(std::uint32_t max_size) : JoinableQueue(QueueOptions{.max_size = max_size}) {}

  /// The oldest message that this process has taken is done. Throws Error(usage) where it has none.
  void task_done() {
    const std::uint64_t position = this->body().oldest_taken(this->self());
    if (position == QueueBody::full_or_empty) {
      throw Error(ErrorCode::usage, "task_done() was called more often than this process has taken messages");
    }
    this->body().release(position);
  }
  /// Blocks until every message that was put is done. Throws Interrupted.
  void join() { static_cast<void>(join_until(ByteQueue::no_deadline)); }
  /// At most so long: whether all are done.
  bool join(std::chrono::nanoseconds timeout) { return join_until(detail::after(timeout)); }

  [[nodiscard]] static JoinableQueue decode_from(Decoder& in) {
    return JoinableQueue(SharedHandle::decode_from(in, ObjectKind::queue));
  }

 private:
  explicit JoinableQueue(SharedHandle handle) noexcept : Queue<T>(std::move(handle)) {}
  bool join_until(ByteQueue::Clock::time_point deadline) {
    return this->body().freed.wait([this] { return this->body().all_done(); }, deadline, this->freed_spin());
  }
};

/// Python's SimpleQueue: put, get, empty and close, nothing more.
template <typename T>
class SimpleQueue : private Queue<T> {
 public:
  explicit SimpleQueue(const QueueOptions& options = {}) : Queue<T>(options) {}
  using Queue<T>::close;
  using Queue<T>::empty;
  using Queue<T>::encode_into;
  void put(const T& message) { Queue<T>::put(message); }
  [[nodiscard]] T get() { return Queue<T>::get(); }
  [[nodiscard]] static SimpleQueue decode_from(Decoder& in) {
    return SimpleQueue(SharedHandle::decode_from(in, ObjectKind::queue));
  }

 private:
  explicit SimpleQueue(SharedHandle handle) noexcept : Queue<T>(std::move(handle)) {}
};

}  // namespace forebay
