#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "host/process/child.h"
#include "pipeline/flow/chunk.h"
#include "pipeline/flow/item_step.h"

namespace forebay {

/// Why the coordinator ended a worker; none where it did not.
enum class Verdict : std::uint8_t { none, timed_out, stopped, start_overdue, broke_protocol };

/// A worker's end while it worked at an item.
struct Death {
  ExitStatus status;
  Verdict verdict = Verdict::none;
  ItemStep step = ItemStep::begin;
  bool out_of_memory = false;  ///< it found no memory, under a limit or without
  bool fresh = true;           ///< its process had finished no other item: what it used, this item used
  bool oom_killer = false;     ///< the kernel's OOM killer was at work
  double seconds = 0;          ///< that it worked at the item
};

/// Judges whose fault a death is. One thread. The rules, in units of which attempts x limits::weak_signals
/// make an item guilty:
///  1. What an item can only do itself (an exit, exceeding its limits) weighs a full attempt.
///  2. A signal does too; but a unit while somebody kills workers. That is known, for
///  limits::killer_at_large,
///     whenever an item whose worker was killed turns out to be innocent (it is finished later), or a worker
///     is killed that works at nothing.
///  3. A first SIGKILL or SIGSTOP, which come from outside, and a first want of memory in a process that
///  others
///     have used before, convict nobody alone: the item is tried once more, whatever attempts says.
class Blame {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Blame(std::uint32_t attempts) : guilty_(attempts * limits::weak_signals) {}

  /// Charges the item. True: it is to be quarantined.
  [[nodiscard]] bool charge(PlannedItem& item, const Death& death, TimePoint now);
  /// The item was finished: the signals that ended its workers were not its fault.
  void absolve(const PlannedItem& item, TimePoint now);
  /// Somebody is known to kill workers.
  [[nodiscard]] bool at_large(TimePoint now) const noexcept { return now < at_large_until_; }
  /// Somebody was seen to kill what works at no item: an owner.
  void saw_killer(TimePoint now) noexcept;
  /// A worker ended that worked at nothing.
  void nobody(const Death& death, TimePoint now);

 private:
  std::uint32_t guilty_;
  TimePoint at_large_until_ = TimePoint::min();
};

/// "killed by signal 11 (SIGSEGV)", "stopped (SIGSTOP) and replaced", "ran longer than 2 s (--item-timeout)"
/// … `limits`: what the item was held to.
struct ItemLimits {
  std::chrono::milliseconds time{};
  std::uint64_t memory_bytes = 0;
};
[[nodiscard]] std::string describe(const Death& death, const ItemLimits& limits);

/// The code that an item is quarantined with after such a death.
[[nodiscard]] ItemErrorCode error_of(const Death& death, const ItemLimits& limits) noexcept;

}  // namespace forebay
