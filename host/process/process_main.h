#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/process/child.h"
#include "host/process/function.h"

namespace forebay::detail {

inline constexpr std::uint64_t process_magic = 0x5353'4543'4f52'5046;  // "FPROCESS" in memory
inline constexpr std::size_t process_name_bytes_max = 256;  // the final zero included; names are for people

/// A text of bounded length, as it travels.
template <std::size_t size>
struct ShortText {
  std::array<char, size> text{};

  /// False where it is too long.
  [[nodiscard]] bool set(std::string_view from) noexcept {
    if (from.size() >= size || from.find('\0') != std::string_view::npos) return false;
    text = {};
    from.copy(text.data(), from.size());
    return true;
  }
  [[nodiscard]] bool valid() const noexcept { return text.back() == '\0'; }
};

/// First parcel of a Process's child: who it is, and what it calls. Then, where there are arguments of at
/// most limits::message_bytes_max, one with them; where there are more, they lie in sealed memory whose
/// descriptor comes with the head, and the last parcel has one byte. The arguments' descriptors come with
/// the last parcel.
struct ProcessHead {
  std::uint64_t magic = process_magic;
  std::uint64_t argument_bytes = 0;
  std::uint32_t argument_fds = 0;
  StartMethod method = StartMethod::spawn;  ///< that its own children start with
  bool daemon = false;
  bool shared = false;  ///< the arguments lie in memory of their own
  FunctionId entry;     ///< a TaskEntry
  FunctionId target;    ///< empty where the entry knows
  ShortText<process_name_bytes_max> name;
  ShortText<process_name_bytes_max> number;
  ShortText<process_name_bytes_max> parent_name;
};

/// Last message of a Process's child that an exception ended, with memory that encode_exception() wrote.
struct FailureHead {
  std::uint64_t magic = process_magic;
  std::uint64_t bytes = 0;
};

/// The ChildMain of every Process.
[[nodiscard]] int process_main(Channel channel);

}  // namespace forebay::detail
