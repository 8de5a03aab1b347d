#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "host/codec/encoded.h"

namespace forebay {

/// Writes values into an Encoded, one after another; see encode(). Not thread-safe.
class Encoder {
 public:
  Encoder() noexcept = default;
  /// For where no descriptor can go (a queue): ranges stay in the message, whatever their size, and what
  /// needs a descriptor throws Error(usage).
  [[nodiscard]] static Encoder without_descriptors() noexcept {
    Encoder encoder;
    encoder.descriptors_ = false;
    return encoder;
  }

  /// For types that can do without: see without_descriptors().
  [[nodiscard]] bool takes_descriptors() const noexcept { return descriptors_; }

  void write(const void* bytes, std::size_t count) {
    // Not insert(): where g++ 12 inlines that into an application's call, it warns of an overflow that is
    // none.
    const std::size_t end = encoded_.bytes.size();
    encoded_.bytes.resize(end + count);
    std::copy_n(static_cast<const std::byte*>(bytes), count, encoded_.bytes.data() + end);
  }
  template <typename T>
  void write_plain(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    write(&value, sizeof(T));
  }

  /// Elements of one plain type: their count, then the elements, aligned so that a reader may look at them in
  /// place. From limits::shared_range_bytes_min on they go into sealed shared memory of their own, which the
  /// reader maps: then the bytes are written once and not read again. Throws Error(no_memory | environment).
  void write_range(const void* elements, std::size_t count, std::size_t element_bytes);

  /// The same, but once for all values of this message that name the same thing by `key`. Written as its
  /// index; see Decoder::take_fd.
  void write_shared_fd(std::uint64_t key, int fd);

  /// A copy of `fd` goes along; `fd` stays the caller's. Throws Error(environment) where no descriptor is
  /// left, and Error(usage) for one that is not open.
  void write_fd(int fd);

  [[nodiscard]] const Encoded& encoded() const noexcept { return encoded_; }
  /// What was written so far; the encoder is empty afterwards and may be used again.
  [[nodiscard]] Encoded take() noexcept {
    shared_fds_.clear();
    return std::exchange(encoded_, Encoded{});
  }
  /// Forgets what was written but keeps the memory.
  void clear() noexcept {
    encoded_.bytes.clear();
    encoded_.fds.clear();
    shared_fds_.clear();
  }

 private:
  bool descriptors_ = true;
  Encoded encoded_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> shared_fds_;  // key, index
};

/// Whether the elements of a range lie in the message or in shared memory of their own.
enum class RangePlace : std::uint32_t { message, shared };

/// Elements within a message begin at a multiple of this: above any plain type's alignment but the
/// over-aligned.
inline constexpr std::size_t range_alignment = 16;

}  // namespace forebay
