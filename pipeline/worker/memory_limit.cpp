#include "pipeline/worker/memory_limit.h"

#include <sys/resource.h>

#include <cerrno>

#include "host/error.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

}  // namespace

void limit_memory(std::uint64_t bytes) {
  if (sanitized) return;
  const auto status = read_system_file("/proc/self/status");
  const auto data = status ? field_bytes(*status, "VmData:") : std::nullopt;
  if (!data)
    throw Error(ErrorCode::environment, "cannot read VmData in /proc/self/status for --item-memory-mb");
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) throw os_error(errno, "cannot read the limit on memory");
  const rlim_t wanted = *data + bytes;
  if (wanted >= limit.rlim_cur) return;  // the machine's own limit is narrower
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_DATA, &limit) != 0) throw os_error(errno, "cannot limit the memory of a worker");
}

}  // namespace forebay
