#include "host/pool/crew_error.h"

#include <fmt/format.h>

namespace forebay {
namespace {

std::string tries(std::uint32_t attempts) {
  return attempts > 1 ? fmt::format(" (attempt {})", attempts) : "";
}

std::string died(pid_t pid, const ExitStatus& status, std::uint64_t task, std::uint64_t item,
                 std::uint32_t attempts) {
  return fmt::format("the worker (pid {}) that ran item {}, in task {}, died: {}{}", pid, item, task,
                     describe(status), tries(attempts));
}

std::string too_long(pid_t pid, std::chrono::milliseconds limit, std::uint64_t task, std::uint64_t item,
                     std::uint32_t attempts) {
  return fmt::format(
      "item {}, in task {}, ran for longer than the pool's task_timeout of {} ms, so its worker (pid {}) was "
      "killed{}; allow more, or give it less to do",
      item, task, limit.count(), pid, tries(attempts));
}

}  // namespace

WorkerDied::WorkerDied(pid_t pid, const ExitStatus& status, std::uint64_t task, std::uint64_t item,
                       std::uint32_t attempts, std::source_location where)
    : Error(ErrorCode::peer_died, died(pid, status, task, item, attempts), where),
      pid_(pid),
      status_(status),
      task_(task),
      item_(item),
      attempts_(attempts) {}

TaskTimeout::TaskTimeout(pid_t pid, std::chrono::milliseconds limit, std::uint64_t task, std::uint64_t item,
                         std::uint32_t attempts, std::source_location where)
    : Error(ErrorCode::timeout, too_long(pid, limit, task, item, attempts), where),
      pid_(pid),
      limit_(limit),
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
