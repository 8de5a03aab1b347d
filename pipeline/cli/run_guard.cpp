#include "pipeline/cli/run_guard.h"

#include <unistd.h>

#include <chrono>

#include "host/limits.h"
#include "pipeline/cli/exit_code.h"

namespace forebay::cli {
namespace {

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

RunGuard::RunGuard(Console& console) : console_(console), watch_([this](int count) { on_signal(count); }) {}

void RunGuard::watch(Pipeline* pipeline) {
  const std::scoped_lock lock(mutex_);
  finishing_ = pipeline == nullptr;
  pipeline_ = pipeline;
}

bool RunGuard::signalled() const {
  const std::scoped_lock lock(mutex_);
  return signalled_;
}

bool RunGuard::overdue() const noexcept {
  const std::int64_t stop_at_ns = stop_at_ns_.load(std::memory_order_relaxed);
  return stop_at_ns != INT64_MAX && now_ns() >= stop_at_ns;
}

void RunGuard::on_signal(int count) {
  if (count == 1) {
    const std::int64_t patience_ns = std::chrono::nanoseconds(limits::stop_write).count();
    stop_at_ns_.store(now_ns() + patience_ns, std::memory_order_relaxed);
  }
  const std::scoped_lock lock(mutex_);
  signalled_ = true;
  const bool first = count == 1;
  if (first && pipeline_ != nullptr) {
    pipeline_->stop();
    console_.line("stopping; what is finished is kept (again: stop at once)");
    return;
  }
  if (first && finishing_) return;  // milliseconds from the end anyway
  if (pipeline_ != nullptr) pipeline_->kill();
  console_.line("stopped at once");
  // No clean-up: the kernel ends every child with this process, and the files are valid as they are.
  ::_exit(static_cast<int>(ExitCode::interrupted));
}

}  // namespace forebay::cli
