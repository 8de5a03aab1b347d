#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/run_stats.h"

namespace forebay {

/// Who waits for what since when: written by those who wait, read by anybody. A thread that is blocked in a
/// file system cannot say so itself. Thread-safe; each place has one writer.
class WaitBoard {
 public:
  enum Place : std::size_t { flow, caller, sink };

 private:
  struct Slot {
    std::atomic<const char*> what{nullptr};
    std::atomic<std::int64_t> since_ns{0};
  };

 public:
  /// Enters a wait for `what` (a literal) and leaves it at destruction.
  class Entry {
   public:
    Entry(WaitBoard& board, Place place, const char* what) noexcept : slot_(board.slots_[place]) {
      slot_.since_ns.store(now_ns(), std::memory_order_relaxed);
      slot_.what.store(what, std::memory_order_release);  // pairs with the acquire in waits()
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { slot_.what.store(nullptr, std::memory_order_release); }

    [[nodiscard]] double seconds() const noexcept {
      return static_cast<double>(now_ns() - slot_.since_ns.load(std::memory_order_relaxed)) * 1e-9;
    }

   private:
    Slot& slot_;
  };

  [[nodiscard]] std::vector<Wait> waits() const {
    std::vector<Wait> waits;
    for (std::size_t place = 0; place < slots_.size(); ++place) {
      const char* what = slots_[place].what.load(std::memory_order_acquire);
      if (what == nullptr) continue;
      const std::int64_t since_ns = slots_[place].since_ns.load(std::memory_order_relaxed);
      waits.push_back({names[place], what, static_cast<double>(now_ns() - since_ns) * 1e-9});
    }
    return waits;
  }

 private:
  static std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  static constexpr std::array<const char*, 3> names{"the coordinator", "the caller", "the sink"};
  std::array<Slot, names.size()> slots_;
};

}  // namespace forebay
