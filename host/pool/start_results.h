#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "host/error.h"
#include "host/pool/crew.h"
#include "host/pool/item_source.h"
#include "host/pool/map_options.h"
#include "host/pool/results.h"

namespace forebay::detail {

/// What a walk over results is to be, but for its function and source.
struct ResultsPlan {
  std::uint32_t chunk_size = 1;
  std::size_t window = 0;
  bool ordered = true;
  Crew::Clock::time_point deadline = Crew::Clock::time_point::max();
};

[[nodiscard]] inline ResultsPlan results_plan(const MapOptions& options) {
  ResultsPlan plan;
  plan.chunk_size = options.chunk_size;
  if (options.buffer_size && *options.buffer_size == 0) {
    throw Error(ErrorCode::usage, "a map's buffer has room for 1 item or more, not 0");
  }
  if (options.buffer_size) {
    plan.window = std::max<std::size_t>(1, *options.buffer_size / std::max(1U, options.chunk_size));
  }
  if (options.timeout) plan.deadline = deadline_after(*options.timeout);
  return plan;
}

template <typename F, bool spread, typename... R>
[[nodiscard]] auto start_results(std::shared_ptr<Crew> crew, const ResultsPlan& plan, const F& function,
                                 R&&... ranges) {
  if (plan.chunk_size < 1) throw Error(ErrorCode::usage, "a chunk has 1 item or more, not 0");
  using Items = ItemCall<F, spread, std::views::all_t<R>...>;
  typename Results<typename Items::Result>::Plan full;
  full.crew = std::move(crew);
  full.function = Items::target(function);
  if constexpr (has_state<CallableOf<F>>) {
    full.callable = [kept = CallableOf<F>(function)](Encoder& out) { encode_callable(out, kept); };
  }
  full.source = item_source<F, spread>(std::forward<R>(ranges)...);
  full.chunk_size = plan.chunk_size;
  full.window = plan.window;
  full.ordered = plan.ordered;
  full.deadline = plan.deadline;
  return Results<typename Items::Result>(std::move(full));
}

}  // namespace forebay::detail
