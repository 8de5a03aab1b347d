#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace forebay {

/// Element type of a tensor. The values are part of the slot layout: append only.
enum class DType : std::uint8_t {
  u8 = 0,
  f16 = 1,
  bf16 = 2,
  f32 = 3,
  i16 = 4,
  u16 = 5,
  i32 = 6,
  i64 = 7,
  f64 = 8
};

/// Memory order of a batch of pictures: nchw is planar, nhwc interleaved.
enum class Layout : std::uint8_t { nchw = 0, nhwc = 1 };

/// Bytes of one element; 0 for a value that is no DType (as a hostile peer could send).
[[nodiscard]] constexpr std::size_t size_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::u8: return 1;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
    case DType::u16: return 2;
    case DType::f32:
    case DType::i32: return 4;
    case DType::i64:
    case DType::f64: return 8;
  }
  return 0;
}

/// The name used on the command line and in summary.json, such as "f32".
[[nodiscard]] constexpr std::string_view to_string(DType dtype) noexcept {
  switch (dtype) {
    case DType::u8: return "u8";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::f32: return "f32";
    case DType::i16: return "i16";
    case DType::u16: return "u16";
    case DType::i32: return "i32";
    case DType::i64: return "i64";
    case DType::f64: return "f64";
  }
  return "invalid";
}

[[nodiscard]] constexpr std::string_view to_string(Layout layout) noexcept {
  return layout == Layout::nchw ? "nchw" : "nhwc";
}

}  // namespace forebay
