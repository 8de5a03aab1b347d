#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace forebay {

/// What a worker does with an item. Travels in the progress word, so that a death, a stall and a quarantine
/// can say where. `done`: the job is, whatever the
/// position names. `stage` and the numbers behind it are the host stages.
enum class ItemStep : std::uint8_t { begin = 0, read, decode, prepare, done, stage = 16 };

[[nodiscard]] inline ItemStep stage_step(std::size_t number) noexcept {
  return static_cast<ItemStep>(static_cast<std::size_t>(ItemStep::stage) + number);
}

[[nodiscard]] inline std::string to_string(ItemStep step) {
  switch (step) {
    case ItemStep::begin: return "begin";
    case ItemStep::read: return "read";
    case ItemStep::decode: return "decode";
    case ItemStep::prepare: return "prepare";
    case ItemStep::done: return "done";
    default: break;
  }
  const int number = static_cast<int>(step) - static_cast<int>(ItemStep::stage);
  return number < 0 ? "unknown" : fmt::format("host stage {}", number + 1);
}

}  // namespace forebay
