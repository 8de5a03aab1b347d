#pragma once

#include <chrono>

namespace forebay::cli {

/// Adds up the time of laps. Not thread-safe.
class Stopwatch {
 public:
  /// Counts from its construction to its end.
  class Lap {
   public:
    explicit Lap(Stopwatch& watch) : watch_(watch), begin_(std::chrono::steady_clock::now()) {}
    Lap(const Lap&) = delete;
    Lap& operator=(const Lap&) = delete;
    ~Lap() { watch_.total_ += std::chrono::steady_clock::now() - begin_; }

   private:
    Stopwatch& watch_;
    std::chrono::steady_clock::time_point begin_;
  };

  [[nodiscard]] Lap lap() { return Lap(*this); }
  [[nodiscard]] double seconds() const noexcept { return std::chrono::duration<double>(total_).count(); }

 private:
  std::chrono::steady_clock::duration total_{};
};

}  // namespace forebay::cli
