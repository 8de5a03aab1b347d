#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <limits>
#include <optional>

#include "host/memory/memory_budget.h"
#include "host/process/allowance.h"
#include "host/process/cpu_count.h"
#include "host/process/system_file.h"
#include "pipeline/cli/finding.h"
#include "pipeline/cli/report.h"

namespace forebay::cli {
namespace {

constexpr const char* section = "machine";
using State = Finding::State;

Finding examine_cores() {
  const std::optional<double> quota = cpu_quota_cores({});
  const std::string limit = quota ? fmt::format("cgroup quota {:.2f}", *quota) : "no cgroup quota";
  return {section, "cores", State::ok,
          fmt::format("{} usable (affinity {}, {})", usable_cores(), affinity_cores(), limit)};
}

Finding examine_memory() {
  constexpr std::uint64_t little_bytes = 256 << 20;
  const MemoryBudget budget = MemoryBudget::read();
  return {section, "memory", budget.available_bytes < little_bytes ? State::lacks : State::ok,
          fmt::format("{} available (limit: {})", bytes_text(budget.available_bytes), budget.limit)};
}

Finding examine_shared_memory() {
  struct statvfs status {};
  if (::statvfs("/dev/shm", &status) != 0) {
    return {section, "/dev/shm", State::note, "absent; not needed: slots have no name"};
  }
  return {section, "/dev/shm", State::note,
          fmt::format("{} free of {}; not needed: slots have no name",
                      bytes_text(std::uint64_t{status.f_bavail} * status.f_frsize),
                      bytes_text(std::uint64_t{status.f_blocks} * status.f_frsize))};
}

std::string limit_text(rlim_t value, bool bytes) {
  if (value == RLIM_INFINITY) return "unlimited";
  return bytes ? bytes_text(value) : fmt::format("{}", value);
}

Finding examine_memlock() {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  return {section, "memlock", State::note,
          fmt::format("{} (hard {}); matters only where the driver counts page-locked slots against it",
                      limit_text(limit.rlim_cur, true), limit_text(limit.rlim_max, true))};
}

/// "always within_size [advise] never": the word in brackets is in force.
std::string chosen_word(const std::string& text) {
  const std::size_t begin = text.find('[');
  const std::size_t end = text.find(']', begin);
  return end == std::string::npos ? std::string{} : text.substr(begin + 1, end - begin - 1);
}

Finding examine_huge_pages() {
  const std::string path = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
  const std::string word = chosen_word(read_system_file(path).value_or(""));
  if (word.empty()) return {section, "huge pages", State::lacks, "the kernel offers none for shared memory"};
  if (word == "never" || word == "deny") {
    return {
        section, "huge pages", State::lacks,
        fmt::format("shmem_enabled is '{}'; 'echo advise > {}' makes slots cheaper to touch", word, path)};
  }
  return {section, "huge pages", State::ok, fmt::format("shmem_enabled is '{}'", word)};
}

/// What a run needs of these is said below, by the functions that decide in it.
Finding examine_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {section, "descriptors", State::note,
          fmt::format("{} (hard {}, to which a run raises it as far as needed)",
                      limit_text(limit.rlim_cur, false), limit_text(limit.rlim_max, false))};
}

Finding examine_processes() {
  constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  const Allowance tasks = tasks_allowed();
  return {section, "processes", State::note,
          fmt::format("{} for this user; {}", limit_text(limit.rlim_cur, false),
                      tasks.most == unlimited ? "nothing limits a run"
                                              : fmt::format("{} leaves {}", tasks.limit, tasks.most))};
}

}  // namespace

Findings examine_machine() {
  return {examine_cores(),      examine_memory(),      examine_shared_memory(), examine_memlock(),
          examine_huge_pages(), examine_descriptors(), examine_processes()};
}

}  // namespace forebay::cli
