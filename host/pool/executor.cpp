#include "host/pool/executor.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/pool/common_options.h"
#include "host/process/cpu_count.h"

namespace forebay {
namespace {

constexpr auto no_limit = Crew::Clock::time_point::max();

CrewOptions crew_options(ExecutorOptions options) {
  CrewOptions crew = detail::common_options(options);
  crew.workers = options.max_workers.value_or(default_pool_size());
  crew.start_ahead = crew.method == StartMethod::fork;  // only the caller's thread can be copied
  crew.name = "executor";
  return crew;
}

}  // namespace

std::uint32_t default_pool_size() { return std::max(1U, usable_cores() - 1); }

std::uint32_t worker_count(std::int64_t asked) {
  if (asked >= 1 && asked <= limits::workers_max) return static_cast<std::uint32_t>(asked);
  throw Error(ErrorCode::usage, "a pool has 1 to " + std::to_string(limits::workers_max) + " workers, not " +
                                    std::to_string(asked));
}

ProcessPoolExecutor::ProcessPoolExecutor(std::int64_t max_workers)
    : ProcessPoolExecutor(ExecutorOptions{.max_workers = worker_count(max_workers)}) {}

ProcessPoolExecutor::ProcessPoolExecutor(ExecutorOptions options)
    : crew_(Crew::start(crew_options(std::move(options)))), unwinding_(std::uncaught_exceptions()) {}

ProcessPoolExecutor::~ProcessPoolExecutor() {
  if (!crew_) return;
  if (std::uncaught_exceptions() > unwinding_) {
    crew_->terminate();
  } else {
    crew_->close();
  }
  // In a callback of its own thread it cannot wait: the thread then ends by itself.
  if (!crew_->must_drive()) crew_->wait_for_end();
}

void ProcessPoolExecutor::shutdown(bool wait, bool cancel_futures) {
  crew_->close();
  if (cancel_futures) {
    // Every sink of an executor's crew is a CancellableSink.
    for (const auto& sink : crew_->take_waiting()) static_cast<CancellableSink&>(*sink).cancel();
  }
  if (wait) static_cast<void>(crew_->join(no_limit));
}

void ProcessPoolExecutor::terminate_workers() {
  crew_->terminate(true);
  static_cast<void>(crew_->join(no_limit));
}

void ProcessPoolExecutor::kill_workers() {
  crew_->terminate();
  static_cast<void>(crew_->join(no_limit));
}

}  // namespace forebay
