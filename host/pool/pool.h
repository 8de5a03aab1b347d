#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/pool/async_result.h"
#include "host/pool/crew.h"
#include "host/pool/crew_error.h"
#include "host/pool/executor.h"
#include "host/pool/future_sink.h"
#include "host/pool/map_sink.h"
#include "host/pool/start_results.h"
#include "host/process/call.h"
#include "host/process/start_method.h"

namespace forebay {

struct PoolOptions {
  std::optional<std::uint32_t> processes{};  ///< default: default_pool_size()
  std::optional<Call> initializer{};      ///< runs first in every worker; make_call(function, arguments...)
  std::uint64_t max_tasks_per_child = 0;  ///< a worker is replaced after so many (a chunk is one); 0: never
  std::chrono::nanoseconds idle_timeout{
      0};  ///< a worker that is idle for so long ends until it is needed; 0: never
  std::uint64_t memory_growth_bytes_max = 0;  ///< a worker that has grown by so much is replaced; 0: never
  OnDeath on_death = OnDeath::fail;           ///< of a worker: what becomes of the task that it ran
  std::uint32_t retries = 3;                  ///< with OnDeath::retry
  /// A worker whose item runs for longer is killed, with its process group, also where it is stopped. To the
  /// item that counts as its worker's death (OnDeath), told by TaskTimeout. Not for initializers. While this
  /// process, or the machine, is stopped the time stands still.
  std::optional<std::chrono::milliseconds> task_timeout{};
  std::optional<StartMethod> start_method{};  ///< default: get_start_method()
  SpawnOptions child{};                       ///< of every worker: affinity, environment, limits …
};

/// Of imap() and imap_unordered().
struct ImapOptions {
  std::uint32_t chunk_size = 1;  ///< items in one task
  std::size_t window = 0;        ///< items in flight or not yet taken; 0: enough to keep all workers busy
};

/// Python's multiprocessing.Pool: worker processes that call functions. What cannot be sent to another
/// process is a compile-time error. A worker that dies costs the item that it ran, never the call: that item
/// fails with WorkerDied, or runs again (OnDeath), and a new worker takes the old one's place. Thread-safe,
/// but for its destruction, which terminates: results that nobody waited for are lost, as at the end of
/// Python's with block.
class Pool {
 public:
  explicit Pool(std::int64_t processes);
  /// Starts all workers. Throws Error(spawn) where one cannot be started (none is left then), and
  /// Error(usage) where the options make no sense.
  explicit Pool(PoolOptions options = {});
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&&) = delete;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// The results of `function` for each element, in order: a std::vector, or nothing where it gives nothing.
  /// Blocks. `chunk_size` items are one task; 0 is Python's rule, a quarter of a worker's share. Every item
  /// is run, then the exception of the first one that threw is thrown.
  template <typename F, std::ranges::input_range R>
  auto map(const F& function, R&& items, std::uint32_t chunk_size = 0) {
    return map_async(function, std::forward<R>(items), chunk_size).take();
  }
  template <typename F, typename T>
  auto map(const F& function, std::initializer_list<T> items, std::uint32_t chunk_size = 0) {
    return map(function, std::vector<T>(items), chunk_size);
  }
  /// The same with elements that are tuples of arguments.
  template <typename F, std::ranges::input_range R>
  auto starmap(const F& function, R&& items, std::uint32_t chunk_size = 0) {
    return starmap_async(function, std::forward<R>(items), chunk_size).take();
  }
  template <typename F, std::ranges::input_range R>
  auto map_async(const F& function, R&& items, std::uint32_t chunk_size = 0) {
    return start_map<false>(function, std::forward<R>(items), chunk_size);
  }
  template <typename F, std::ranges::input_range R>
  auto starmap_async(const F& function, R&& items, std::uint32_t chunk_size = 0) {
    return start_map<true>(function, std::forward<R>(items), chunk_size);
  }
  /// With functions to call at the end; see Callbacks.
  template <typename F, std::ranges::input_range R>
  auto map_async(
      const F& function, R&& items, std::uint32_t chunk_size,
      Callbacks<MapResult<typename detail::ItemCall<F, false, std::views::all_t<R>>::Result>> callbacks) {
    return detail::call_back(map_async(function, std::forward<R>(items), chunk_size), std::move(callbacks));
  }
  template <typename F, std::ranges::input_range R>
  auto starmap_async(
      const F& function, R&& items, std::uint32_t chunk_size,
      Callbacks<MapResult<typename detail::ItemCall<F, true, std::views::all_t<R>>::Result>> callbacks) {
    return detail::call_back(starmap_async(function, std::forward<R>(items), chunk_size),
                             std::move(callbacks));
  }

  /// The results as they are asked for, in order; elements are read only when there is room in the window.
  /// `items` is looked at until the end of the walk: an lvalue must live so long, a temporary is kept.
  template <typename F, std::ranges::input_range R>
  auto imap(const F& function, R&& items, const ImapOptions& options = {}) {
    return detail::start_results<F, false>(crew_, plan(options, true), function, std::forward<R>(items));
  }
  /// The same in the order in which they come.
  template <typename F, std::ranges::input_range R>
  auto imap_unordered(const F& function, R&& items, const ImapOptions& options = {}) {
    return detail::start_results<F, false>(crew_, plan(options, false), function, std::forward<R>(items));
  }

  /// One call. Blocks.
  template <typename F, typename... A>
  CallResult<F, A...> apply(const F& function, A&&... arguments) {
    return apply_async(function, std::forward<A>(arguments)...).take();
  }
  template <detail::NoCallbacks F, typename... A>
  AsyncResult<CallResult<F, A...>> apply_async(const F& function, A&&... arguments) {
    Call call = make_call(function, std::forward<A>(arguments)...);
    const std::uint64_t serial = crew_->next_serial();
    auto sink = std::make_shared<FutureSink<CallResult<F, A...>>>(crew_, serial);
    AsyncResult<CallResult<F, A...>> result(sink->future());
    crew_->submit(serial, call.function, std::move(call.arguments), 1, std::move(sink));
    return result;
  }
  template <typename Result, typename F, typename... A>
  AsyncResult<Result> apply_async(Callbacks<Result> callbacks, const F& function, A&&... arguments) {
    return detail::call_back(apply_async(function, std::forward<A>(arguments)...), std::move(callbacks));
  }

  /// No more tasks; those that there are will be done. Does not block.
  void close() { crew_->close(); }
  /// Ends the workers at once; calls that wait get PoolTerminated. Does not block.
  void terminate() { crew_->terminate(); }
  /// Waits for the workers to end. Throws Error(usage) before close() or terminate(), Interrupted.
  void join();
  /// The same, at most so long: false where they have not ended.
  bool join(std::chrono::nanoseconds timeout);

  [[nodiscard]] std::uint32_t size() const noexcept { return crew_->size(); }
  [[nodiscard]] std::vector<pid_t> worker_pids() const { return crew_->worker_pids(); }

 private:
  template <bool spread, typename F, typename R>
  auto start_map(const F& function, R&& items, std::uint32_t chunk_size);
  [[nodiscard]] detail::ResultsPlan plan(const ImapOptions& options, bool ordered) const;
  [[nodiscard]] std::uint32_t chunk_size_for(std::size_t items, std::uint32_t asked) const noexcept;

  std::shared_ptr<Crew> crew_;
};

template <bool spread, typename F, typename R>
auto Pool::start_map(const F& function, R&& items, std::uint32_t chunk_size) {
  using Items = detail::ItemCall<F, spread, std::views::all_t<R>>;
  using Result = typename Items::Result;
  if constexpr (!std::ranges::sized_range<R>) {
    // As in Python, a range without a length is read to its end first.
    std::vector<std::ranges::range_value_t<R>> all;
    for (auto&& item : items) all.push_back(std::forward<decltype(item)>(item));
    return start_map<spread>(function, std::move(all), chunk_size);
  } else {
    const auto total = static_cast<std::size_t>(std::ranges::size(items));
    const std::uint32_t chunk = chunk_size_for(total, chunk_size);
    const TargetRef target = Items::target(function);
    const detail::ItemSource source = detail::item_source<F, spread>(std::forward<R>(items));
    auto state = std::make_shared<MapState<Result>>(crew_, total);
    AsyncResult<MapResult<Result>> result(state->future());
    Encoder out;
    for (std::size_t begin = 0; begin < total; begin += chunk) {
      const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(chunk, total - begin));
      encode_callable(out, function);
      for (std::uint32_t i = 0; i < count; ++i) {
        if (!source(out)) throw Error(ErrorCode::usage, "a range has fewer elements than it says");
      }
      crew_->submit(crew_->next_serial(), target, out.take(), count,
                    std::make_shared<MapSink<Result>>(state, begin, count));
    }
    state->one_less();
    return result;
  }
}

}  // namespace forebay
