#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "host/pool/future_state.h"

namespace forebay::detail {

/// Watches several futures for one waiting thread: their completions, in their order. To register is O(1) a
/// future, and so is each completion.
///
/// Invariants:
/// - Locks are taken in the order state, then gathering; never two states at once.
/// - finished_ has room for every index from the start, so that notify() cannot fail.
/// - ready_ is true from when finished_ holds what is wanted; its release pairs with the host's acquire.
/// - A watch that was not delivered is unwatched before its end. One that was is not touched again: notify()
///   ended, up to the unlock, before the index could be seen.
class Gathering {
 public:
  /// Watches `states`, distinct, which outlive it (or their delivery by next()).
  explicit Gathering(std::span<FutureState* const> states);
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;
  ~Gathering();

  /// Waits until `count` futures are done, or, where `stop_on_failure`, one ended with an exception. False at
  /// the deadline; one in the past polls. Throws Interrupted.
  bool wait_for(std::size_t count, bool stop_on_failure, FutureHost::TimePoint deadline);

  /// Waits for the next future that is done, and delivers it: its index in `states`. None at the deadline.
  std::optional<std::size_t> next(FutureHost::TimePoint deadline);

 private:
  class Member final : public Watch {
   public:
    void notify(bool failed) noexcept override { owner->finished(index, failed); }

    Gathering* owner = nullptr;
    FutureState* state = nullptr;  // null once delivered
    std::size_t index = 0;
  };

  void finished(std::size_t index, bool failed) noexcept;
  void add_host(const std::shared_ptr<FutureHost>& host);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> ready_{false};
  bool parked_ = false;
  bool any_failed_ = false;
  bool stop_on_failure_ = false;
  std::size_t wanted_ = 0;
  std::size_t delivered_ = 0;
  std::vector<std::size_t> finished_;
  std::vector<Member> members_;
  std::vector<FutureHost*> hosts_;                       // distinct
  std::vector<std::shared_ptr<FutureHost>> kept_hosts_;  // the same: a delivered future keeps none alive
};

}  // namespace forebay::detail
