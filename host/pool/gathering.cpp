#include "host/pool/gathering.h"

#include <algorithm>

#include "host/sync/interrupt.h"

namespace forebay::detail {

Gathering::Gathering(std::span<FutureState* const> states) : members_(states.size()) {
  finished_.reserve(states.size());
  for (FutureState* state : states)
    add_host(state->host());  // all that may throw comes before the first watch
  for (std::size_t index = 0; index < states.size(); ++index) {
    Member& member = members_[index];
    member.owner = this;
    member.state = states[index];
    member.index = index;
    if (!member.state->watch(member)) finished(index, member.state->failed());
  }
}

Gathering::~Gathering() {
  for (Member& member : members_) {
    if (member.state != nullptr) member.state->unwatch(member);
  }
}

void Gathering::add_host(const std::shared_ptr<FutureHost>& host) {
  if (host == nullptr || std::find(hosts_.begin(), hosts_.end(), host.get()) != hosts_.end()) return;
  hosts_.push_back(host.get());
  kept_hosts_.push_back(host);
}

void Gathering::finished(std::size_t index, bool failed) noexcept {
  const std::scoped_lock lock(mutex_);
  finished_.push_back(index);
  any_failed_ = any_failed_ || failed;
  if (finished_.size() < wanted_ && !(stop_on_failure_ && any_failed_)) return;
  ready_.store(true, std::memory_order_release);
  // Under the lock: the waiter, once it has it, may end the life of this.
  if (parked_) changed_.notify_one();
}

bool Gathering::wait_for(std::size_t count, bool stop_on_failure, FutureHost::TimePoint deadline) {
  const auto ready = [this] { return finished_.size() >= wanted_ || (stop_on_failure_ && any_failed_); };
  {
    const std::scoped_lock lock(mutex_);
    wanted_ = count;
    stop_on_failure_ = stop_on_failure;
    if (ready()) return true;
    ready_.store(false, std::memory_order_relaxed);
  }
  if (deadline != no_deadline && deadline <= std::chrono::steady_clock::now()) return false;
  help_hosts(hosts_, ready_, deadline);
  std::unique_lock lock(mutex_);
  parked_ = true;  // and stays so, if the wait throws: no harm
  const bool in_time = wait_interruptibly(lock, changed_, deadline, ready);
  parked_ = false;
  return in_time;
}

std::optional<std::size_t> Gathering::next(FutureHost::TimePoint deadline) {
  if (!wait_for(delivered_ + 1, false, deadline)) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  const std::size_t index = finished_[delivered_++];
  members_[index].state = nullptr;
  return index;
}

}  // namespace forebay::detail
