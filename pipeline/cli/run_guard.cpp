#include "pipeline/cli/run_guard.h"

#include <unistd.h>

#include "pipeline/cli/exit_code.h"

namespace forebay::cli {

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

void RunGuard::on_signal(int count) {
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
