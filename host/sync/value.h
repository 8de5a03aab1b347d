#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "host/error.h"
#include "host/sync/lock.h"
#include "host/sync/shared_handle.h"

namespace forebay {

/// A value of a plain type in shared memory, with a lock of its own: Python's Value. A handle; what
/// arrives as an argument in another process is the same value. Thread-safe as a handle; the value
/// itself is as safe as its type:
///   load(), store(), fetch_add() ... are atomic (for types of up to 8 bytes);
///   get() is a plain reference, to be used under the lock: `value.get() += 1` is not atomic without it.
template <typename T>
class Value {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
                "forebay: a Value is of a plain type, because other processes see its bytes");
  static constexpr bool atomic =
      std::is_trivially_copyable_v<T> && sizeof(T) <= 8 && (sizeof(T) & (sizeof(T) - 1)) == 0;

 public:
  /// Zero, where no value is given.
  explicit Value(const T& initial = T{}) : Value(initial, RLock()) {}
  /// With a lock that is shared with others, or none (std::nullopt).
  Value(const T& initial, RLock lock)
      : Value(SharedHandle::make(ObjectKind::value, sizeof(T) + alignof(T)), std::move(lock)) {
    ::new (static_cast<void*>(value_)) T(initial);
  }

  [[nodiscard]] T& get() const noexcept { return *value_; }
  /// Throws Error(usage) where the value was made without one.
  [[nodiscard]] RLock& lock() {
    if (!lock_.valid()) throw Error(ErrorCode::usage, "this Value was made without a lock");
    return lock_;
  }

  [[nodiscard]] T load() const noexcept requires atomic { return std::atomic_ref<T>(*value_).load(); }
  void store(T value) const noexcept requires atomic { std::atomic_ref<T>(*value_).store(value); }
  T fetch_add(T amount) const noexcept requires(atomic&& std::is_arithmetic_v<T>) {
    return std::atomic_ref<T>(*value_).fetch_add(amount);
  }
  T exchange(T value) const noexcept requires atomic { return std::atomic_ref<T>(*value_).exchange(value); }
  bool compare_exchange(T& expected, T desired) const noexcept requires atomic {
    return std::atomic_ref<T>(*value_).compare_exchange_strong(expected, desired);
  }

  void encode_into(Encoder& out) const {
    handle_.encode_into(out);
    out.write_plain(static_cast<std::uint8_t>(lock_.valid() ? 1 : 0));
    if (lock_.valid()) lock_.encode_into(out);
  }
  [[nodiscard]] static Value decode_from(Decoder& in) {
    SharedHandle handle = SharedHandle::decode_from(in, ObjectKind::value);
    RLock lock(std::nullopt);
    if (in.read_plain<std::uint8_t>() != 0) lock = RLock::decode_from(in);
    return Value(std::move(handle), std::move(lock));
  }

 private:
  Value(SharedHandle handle, RLock lock)
      : handle_(std::move(handle)), lock_(std::move(lock)), value_(handle_.body<T>()) {
    static_assert(alignof(T) <= 64, "forebay: shared memory is aligned to 64 bytes");
  }

  SharedHandle handle_;
  RLock lock_;  // none where it is not valid
  T* value_;
};

/// Elements of a plain type in shared memory, with a lock of their own: Python's Array. A handle, as Value.
template <typename T>
class Array {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
                "forebay: an Array holds plain elements, because other processes see their bytes");

 public:
  using value_type = T;

  /// `size` elements, all zero.
  explicit Array(std::size_t size) : Array(size, RLock()) {}
  Array(std::size_t size, RLock lock)
      : Array(SharedHandle::make(ObjectKind::value, bytes_for(size)), size, std::move(lock)) {}
  explicit Array(std::span<const T> elements) : Array(elements.size()) {
    std::copy(elements.begin(), elements.end(), begin());
  }
  Array(std::initializer_list<T> elements) : Array(std::span<const T>(elements.begin(), elements.size())) {}

  [[nodiscard]] T* data() const noexcept { return handle_.body<T>(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T* begin() const noexcept { return data(); }
  [[nodiscard]] T* end() const noexcept { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }
  /// Throws Error(usage) beyond the end.
  [[nodiscard]] T& at(std::size_t index) const {
    if (index < size_) return data()[index];
    throw Error(ErrorCode::usage,
                "element " + std::to_string(index) + " of an Array of " + std::to_string(size_));
  }
  /// A part, to read or write in place.
  [[nodiscard]] std::span<T> slice(std::size_t first, std::size_t count) const {
    if (first <= size_ && count <= size_ - first) return {data() + first, count};
    throw Error(ErrorCode::usage, "a slice beyond the end of an Array of " + std::to_string(size_));
  }
  /// The elements as they are now, private to the caller.
  [[nodiscard]] std::vector<T> copy() const { return {begin(), end()}; }
  [[nodiscard]] RLock& lock() {
    if (!lock_.valid()) throw Error(ErrorCode::usage, "this Array was made without a lock");
    return lock_;
  }

  void encode_into(Encoder& out) const {
    handle_.encode_into(out);
    out.write_plain(static_cast<std::uint64_t>(size_));
    out.write_plain(static_cast<std::uint8_t>(lock_.valid() ? 1 : 0));
    if (lock_.valid()) lock_.encode_into(out);
  }
  [[nodiscard]] static Array decode_from(Decoder& in) {
    SharedHandle handle = SharedHandle::decode_from(in, ObjectKind::value);
    const auto size = in.read_plain<std::uint64_t>();
    if (bytes_for(size) > handle.object().bytes) {
      throw Error(ErrorCode::protocol, "received an Array that is larger than its memory");
    }
    RLock lock(std::nullopt);
    if (in.read_plain<std::uint8_t>() != 0) lock = RLock::decode_from(in);
    return Array(std::move(handle), size, std::move(lock));
  }

 private:
  Array(SharedHandle handle, std::size_t size, RLock lock)
      : handle_(std::move(handle)), size_(size), lock_(std::move(lock)) {}
  static std::size_t bytes_for(std::size_t size) {
    if (size > (std::size_t{1} << 40U) / sizeof(T)) {
      throw Error(ErrorCode::no_memory, "an Array of " + std::to_string(size) + " elements fits no memory");
    }
    return std::max<std::size_t>(1, size * sizeof(T));
  }

  SharedHandle handle_;
  std::size_t size_;
  RLock lock_;  // none where it is not valid
};

}  // namespace forebay
