#include "host/sync/barrier.h"

#include <string>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/crash_point.h"

namespace forebay {
namespace {

using Body = BarrierBody;

constexpr std::uint64_t arrival(std::uint32_t round, OwnerToken owner) noexcept {
  return (std::uint64_t{round} << 32U) | owner.value();
}

}  // namespace

BrokenBarrier::BrokenBarrier(std::source_location where)
    : Error(ErrorCode::peer_died,
            "the barrier is broken: a party timed out, was interrupted or ended, or it was aborted or reset",
            where) {}

std::uint32_t Body::arrived(std::uint32_t round) noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < parties; ++i) {
    const std::uint64_t word = arrivals()[i].load(std::memory_order_acquire);
    if (round_of(word) == round && static_cast<std::uint32_t>(word) != 0) ++count;
  }
  return count;
}

void Body::break_round(std::uint32_t round) noexcept {
  std::uint64_t now = state.load(std::memory_order_acquire);
  while (round_of(now) == round && phase_of(now) != Phase::broken) {
    if (state.compare_exchange_weak(now, in_phase(now, Phase::broken), std::memory_order_acq_rel)) break;
  }
  changed.wake_all();
}

void Body::recover(OwnerToken dead, bool in_order, bool was_party) noexcept {
  const std::uint64_t now = state.load(std::memory_order_acquire);
  const std::uint32_t round = round_of(now);
  bool had_arrived = false;
  for (std::uint32_t i = 0; i < parties; ++i) {
    had_arrived = had_arrived || arrivals()[i].load(std::memory_order_acquire) == arrival(round, dead);
  }
  if (had_arrived || (was_party && !in_order)) break_round(round);
  changed.wake_sleepers();
}

Barrier::Barrier(std::uint32_t parties, std::chrono::nanoseconds timeout)
    : Barrier(
          [parties] {
            if (parties < 1 || parties > limits::barrier_parties_max) {
              throw Error(ErrorCode::usage, "a barrier has 1 to " +
                                                std::to_string(limits::barrier_parties_max) +
                                                " parties, not " + std::to_string(parties));
            }
            return SharedHandle::make(ObjectKind::barrier,
                                      sizeof(Body) + parties * sizeof(std::atomic<std::uint64_t>));
          }(),
          timeout) {
  body_->state = Body::next(0, false);  // words of round 0 are free
  body_->parties = parties;
}

/// Takes a party's word for the present round: its index. Waits for nobody.
std::uint32_t Barrier::arrive(std::uint32_t& round) {
  while (true) {
    const std::uint64_t now = body_->state.load(std::memory_order_acquire);
    round = Body::round_of(now);
    if (Body::phase_of(now) == Body::Phase::broken) throw BrokenBarrier();
    for (std::uint32_t i = 0; i < body_->parties; ++i) {
      std::uint64_t word = body_->arrivals()[i].load(std::memory_order_acquire);
      // A word of this round is taken; one of a later round says that the state read above is old.
      if (static_cast<std::int32_t>(Body::round_of(word) - round) >= 0) continue;
      if (body_->arrivals()[i].compare_exchange_strong(word, arrival(round, handle_.self()),
                                                       std::memory_order_acq_rel)) {
        crash_point("barrier.arrived");
        return i;
      }
    }
    // More threads than parties: this one belongs to the next round.
    const auto deadline = std::chrono::steady_clock::time_point::max();
    body_->changed.wait([&] { return body_->state.load(std::memory_order_acquire) != now; }, deadline, spin_);
  }
}

void Barrier::trip(std::uint64_t tripping, const std::function<void()>& action) {
  crash_point("barrier.tripping");
  if (action) {
    try {
      action();
    } catch (...) {
      body_->break_round(Body::round_of(tripping));
      throw;
    }
  }
  // An abort, a reset, or the death of a party, during the action breaks the round for all.
  if (!body_->state.compare_exchange_strong(tripping, Body::next(tripping, false),
                                            std::memory_order_acq_rel)) {
    throw BrokenBarrier();
  }
  body_->changed.wake_all();
}

void Barrier::wait_for_round(std::uint32_t round, std::chrono::steady_clock::time_point deadline) {
  const auto over = [&] {
    const std::uint64_t now = body_->state.load(std::memory_order_acquire);
    return Body::round_of(now) != round || Body::phase_of(now) == Body::Phase::broken;
  };
  bool in_time = false;
  try {
    in_time = body_->changed.wait(over, deadline, spin_);
  } catch (...) {
    body_->break_round(round);
    throw;
  }
  if (!in_time) body_->break_round(round);
  const std::uint64_t now = body_->state.load(std::memory_order_acquire);
  if (Body::round_of(now) == round || Body::was_reset(now, round)) throw BrokenBarrier();
}

std::uint32_t Barrier::wait(std::chrono::nanoseconds timeout, const std::function<void()>& action) {
  const auto deadline = detail::after(timeout);
  std::uint32_t round = 0;
  const std::uint32_t index = arrive(round);
  if (body_->arrived(round) == body_->parties) {
    // The last ones may see that at the same time; one of them trips the barrier.
    std::uint64_t filling = body_->state.load(std::memory_order_acquire);
    const bool mine = Body::round_of(filling) == round && Body::phase_of(filling) == Body::Phase::filling;
    const std::uint64_t tripping = Body::in_phase(filling, Body::Phase::tripping);
    if (mine && body_->state.compare_exchange_strong(filling, tripping, std::memory_order_acq_rel)) {
      trip(tripping, action);
      return index;
    }
  }
  wait_for_round(round, deadline);
  return index;
}

void Barrier::reset() {
  std::uint64_t now = body_->state.load(std::memory_order_acquire);
  while (!body_->state.compare_exchange_weak(now, Body::next(now, true), std::memory_order_acq_rel)) {
  }
  body_->changed.wake_all();
}

void Barrier::abort() { body_->break_round(Body::round_of(body_->state.load(std::memory_order_acquire))); }

std::uint32_t Barrier::n_waiting() const noexcept {
  const std::uint64_t now = body_->state.load(std::memory_order_acquire);
  return Body::phase_of(now) == Body::Phase::filling ? body_->arrived(Body::round_of(now)) : 0;
}

bool Barrier::broken() const noexcept {
  return Body::phase_of(body_->state.load(std::memory_order_acquire)) == Body::Phase::broken;
}

}  // namespace forebay
