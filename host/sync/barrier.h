#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "host/sync/shared_handle.h"
#include "host/sync/wait_point.h"

namespace forebay {

/// In shared memory, followed by a word for each party. `state` holds the round and its phase; a
/// party's word holds the round in which it arrived and its token. So an arrival is one compare and
/// swap, and the next round begins with one: words of an older round are free. How the last rounds ended
/// stands in `state` too, so a round ends with its outcome, by one compare and swap, whoever ends it.
struct BarrierBody {
  enum class Phase : std::uint32_t { filling, tripping, broken };

  std::uint32_t parties = 0;
  std::uint32_t reserved = 0;
  std::atomic<std::uint64_t> state{0};  ///< round << 32 | a bit for each round before: was reset << 2 | phase
  WaitPoint changed;

  /// The beginning of the round after the one of `word`.
  [[nodiscard]] static constexpr std::uint64_t next(std::uint64_t word, bool reset) noexcept {
    const std::uint32_t ends = (static_cast<std::uint32_t>(word) >> 2U << 1U) | (reset ? 1U : 0U);
    return (std::uint64_t{round_of(word) + 1} << 32U) | std::uint64_t{ends << 2U} |
           static_cast<std::uint32_t>(Phase::filling);
  }
  [[nodiscard]] static constexpr std::uint64_t in_phase(std::uint64_t word, Phase phase) noexcept {
    return (word & ~std::uint64_t{3}) | static_cast<std::uint32_t>(phase);
  }
  /// Whether that earlier round ended by a reset. Of those long ago: no.
  [[nodiscard]] static constexpr bool was_reset(std::uint64_t word, std::uint32_t round) noexcept {
    const std::uint32_t ago = round_of(word) - round - 1;
    return ago < 30 && (static_cast<std::uint32_t>(word) >> (2 + ago) & 1U) != 0;
  }
  [[nodiscard]] static constexpr std::uint32_t round_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 32U);
  }
  [[nodiscard]] static constexpr Phase phase_of(std::uint64_t word) noexcept {
    return static_cast<Phase>(word & 3U);
  }
  [[nodiscard]] std::atomic<std::uint64_t>* arrivals() noexcept {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1);
  }
  [[nodiscard]] std::uint32_t arrived(std::uint32_t round) noexcept;
  void break_round(std::uint32_t round) noexcept;
  void recover(OwnerToken dead, bool in_order, bool was_party) noexcept;
};

/// The round was broken: by a time-out, abort(), reset(), an action that threw, or the death of a party.
class BrokenBarrier : public Error {
 public:
  explicit BrokenBarrier(std::source_location where = std::source_location::current());
};

/// Python's Barrier: `parties` threads of any processes wait for one another. A process that was
/// killed, and that had a handle of the barrier, breaks it for those who wait: it may be the one they
/// wait for. One that ends in order does so only where it had arrived. A handle; what arrives as an
/// argument in another process is the same barrier. Thread-safe.
class Barrier {
 public:
  /// `timeout`: of a wait() that names none. Throws Error(usage) for no parties, or more than
  /// limits::barrier_parties_max.
  explicit Barrier(std::uint32_t parties, std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max());

  /// Blocks until all parties have arrived; gives each a different number from 0 on. `action` runs in
  /// one of them, before any goes on. Throws BrokenBarrier, what the action threw (in its process; the
  /// others get BrokenBarrier), Interrupted (which breaks the barrier).
  std::uint32_t wait(const std::function<void()>& action = {}) { return wait(timeout_, action); }
  std::uint32_t wait(std::chrono::nanoseconds timeout, const std::function<void()>& action = {});
  /// Back to the empty state; who waits gets BrokenBarrier.
  void reset();
  void abort();
  [[nodiscard]] std::uint32_t parties() const noexcept { return body_->parties; }
  [[nodiscard]] std::uint32_t n_waiting() const noexcept;
  [[nodiscard]] bool broken() const noexcept;

  void encode_into(Encoder& out) const {
    handle_.encode_into(out);
    out.write_plain(timeout_);
  }
  [[nodiscard]] static Barrier decode_from(Decoder& in) {
    SharedHandle handle = SharedHandle::decode_from(in, ObjectKind::barrier);
    return Barrier(std::move(handle), in.read_plain<std::chrono::nanoseconds>());
  }

 private:
  Barrier(SharedHandle handle, std::chrono::nanoseconds timeout) noexcept
      : handle_(std::move(handle)), body_(handle_.body<BarrierBody>()), timeout_(timeout) {}
  std::uint32_t arrive(std::uint32_t& round);
  void trip(std::uint64_t tripping, const std::function<void()>& action);
  void wait_for_round(std::uint32_t round, std::chrono::steady_clock::time_point deadline);

  SharedHandle handle_;
  BarrierBody* body_;
  std::chrono::nanoseconds timeout_;
  SpinBudget spin_;
};

}  // namespace forebay
