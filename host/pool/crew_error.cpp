#include "host/pool/crew_error.h"

#include <fmt/format.h>

namespace forebay {
namespace {

std::string died(pid_t pid, const ExitStatus& status, std::uint64_t task, std::uint32_t item,
                 std::uint32_t attempts) {
  return fmt::format("the worker (pid {}) that ran item {} of task {} died: {}{}", pid, item, task,
                     describe(status), attempts > 1 ? fmt::format(" (attempt {})", attempts) : "");
}

}  // namespace

WorkerDied::WorkerDied(pid_t pid, const ExitStatus& status, std::uint64_t task, std::uint32_t item,
                       std::uint32_t attempts, std::source_location where)
    : Error(ErrorCode::peer_died, died(pid, status, task, item, attempts), where),
      pid_(pid),
      status_(status),
      task_(task),
      item_(item),
      attempts_(attempts) {}

BrokenProcessPool::BrokenProcessPool(const std::string& message, std::source_location where)
    : Error(ErrorCode::peer_died, message, where) {}

PoolTerminated::PoolTerminated(std::source_location where)
    : Error(ErrorCode::interrupted, "the pool was terminated before this task was done", where) {}

ResultNotSent::ResultNotSent(const std::string& message, std::source_location where)
    : Error(ErrorCode::usage, message, where) {}

}  // namespace forebay
