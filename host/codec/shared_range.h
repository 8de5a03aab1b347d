#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"
#include "host/error.h"
#include "host/memory/sealed_memory.h"

namespace forebay {

/// Elements of a plain type in sealed shared memory. As an argument or a result it crosses to another process
/// without any copy: only its descriptor travels, and both processes then see the same elements. A copy of
/// the object shares them too. Zeroed at creation. Neither process is kept from writing while the other
/// reads: hand over, then leave it alone.
template <typename T>
class SharedRange {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
                "forebay: a SharedRange holds plain elements, because other processes see their bytes");

 public:
  using value_type = T;

  SharedRange() noexcept = default;
  /// Takes memory for `count` elements. Throws Error(no_memory | environment).
  explicit SharedRange(std::size_t count)
      : memory_(count == 0 ? nullptr
                           : std::make_shared<SealedMemory>(
                                 SealedMemory::create("forebay-shared-range", count * sizeof(T)))),
        size_(count) {}

  [[nodiscard]] T* data() const noexcept {
    return memory_ ? reinterpret_cast<T*>(memory_->bytes().data()) : nullptr;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* begin() const noexcept { return data(); }
  [[nodiscard]] T* end() const noexcept { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }

  void encode_into(Encoder& out) const {
    out.write_plain(static_cast<std::uint64_t>(size_));
    if (size_ != 0) out.write_fd(memory_->fd());
  }
  [[nodiscard]] static SharedRange decode_from(Decoder& in) {
    SharedRange range;
    const auto count = in.read_plain<std::uint64_t>();
    if (count == 0) return range;
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) {
      throw Error(ErrorCode::protocol, "received a shared range that no memory holds");
    }
    range.size_ = static_cast<std::size_t>(count);
    range.memory_ = std::make_shared<SealedMemory>(SealedMemory::open(in.read_fd(), range.size_ * sizeof(T)));
    return range;
  }

 private:
  std::shared_ptr<SealedMemory> memory_;
  std::size_t size_ = 0;
};

}  // namespace forebay
