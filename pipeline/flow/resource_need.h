#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "host/error.h"

namespace forebay {

/// One thing that a run takes, how much of it there is, and what to change where that is too little.
struct ResourceNeed {
  std::string name{};  ///< "memory", "descriptors", "processes", "address space", "disk"
  ErrorCode code = ErrorCode::environment;
  bool bytes = false;  ///< counted in bytes; else in pieces
  std::uint64_t need = 0;
  std::uint64_t there = 0;
  std::string what{};    ///< of what the need consists
  std::string limit{};   ///< who says what there is
  std::string remedy{};  ///< concrete, where it does not fit; empty where it does

  [[nodiscard]] bool fits() const noexcept { return need <= there; }
};

/// "needs 612.0 MiB of memory (…), but MemAvailable leaves 200.0 MiB; use --workers 2 --slots 2": what the
/// run says where it does not fit, and `forebay doctor run` before.
[[nodiscard]] std::string describe(const ResourceNeed& need);

/// Throws the Error of a need that does not fit.
void admit(const ResourceNeed& need);

/// "1 worker", "2 workers".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);

/// "27" or "12.5 MiB".
[[nodiscard]] std::string amount_text(std::uint64_t amount, bool bytes);

}  // namespace forebay
