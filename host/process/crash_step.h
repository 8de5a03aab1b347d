#pragma once

#include <cstddef>

#include "host/process/crash_point.h"

namespace forebay {

/// A crash point of a list that stands apart from those in crash_point.h, by its name: one that is not in
/// `names` does not compile.
template <const auto& names>
class CrashStep {
 public:
  template <std::size_t size>
  consteval CrashStep(const char (&name)[size])  // NOLINT: implicit on purpose
      : point_(CrashPointName::of_list(names, name)) {}
  [[nodiscard]] constexpr CrashPointName point() const noexcept { return point_; }

 private:
  CrashPointName point_;
};

}  // namespace forebay
