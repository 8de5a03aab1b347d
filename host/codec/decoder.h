#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "host/memory/sealed_memory.h"
#include "host/memory/unique_fd.h"

namespace forebay {

/// Reads values from received bytes, one after another; see decode(). Every access is checked: what is not
/// there, or does not fit, throws Error(protocol). The bytes and `fds` must outlive it; what decode() gave as
/// a view (std::span, std::string_view) is valid as long as the decoder. Not thread-safe.
class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, std::span<UniqueFd> fds) noexcept : bytes_(bytes), fds_(fds) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() = default;

  /// The next `count` bytes, in place.
  [[nodiscard]] std::span<const std::byte> read(std::size_t count) {
    if (count > left()) throw_short(count);
    const std::span<const std::byte> part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }
  template <typename T>
  [[nodiscard]] T read_plain() {
    static_assert(std::is_trivially_copyable_v<T>);
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), read(sizeof(T)).data(), sizeof(T));
    if constexpr (std::is_same_v<T, bool>) {
      return raw[0] != std::byte{0};  // a bool of another byte is no value at all
    } else {
      return std::bit_cast<T>(raw);
    }
  }
  /// What Encoder::write_range wrote: the elements' bytes, in the message or in shared memory that stays
  /// mapped as long as this decoder. Aligned to range_alignment where the message is.
  [[nodiscard]] std::span<const std::byte> read_range(std::size_t element_bytes);
  /// A descriptor that came along; each can be taken once.
  [[nodiscard]] UniqueFd read_fd() { return take_fd(read_plain<std::uint32_t>()); }
  /// The same where the index was read before.
  [[nodiscard]] UniqueFd take_fd(std::uint32_t index);

  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - position_; }

 private:
  [[noreturn]] void throw_short(std::size_t wanted) const;

  std::span<const std::byte> bytes_;
  std::span<UniqueFd> fds_;
  std::size_t position_ = 0;
  std::vector<SealedMemory> mapped_;
};

}  // namespace forebay
