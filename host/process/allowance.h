#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace forebay {

/// How much of something a program may have in all, this process's own share included, and who says so.
struct Allowance {
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::string limit = "no known limit";  ///< for messages: "RLIMIT_NPROC (ulimit -u)"

  /// Another limit, which counts where it is the smallest.
  void lower(std::uint64_t amount, std::string name);
};

/// Descriptors that this process may have open: the hard limit, for the soft one can be raised to it.
[[nodiscard]] Allowance descriptors_allowed();

/// Descriptors that this process has open now.
[[nodiscard]] std::uint64_t descriptors_open();

/// Raises the soft limit on descriptors to `wanted`, or as far as the hard one allows. For this process and
/// the children that it starts from then on. Thread-safe.
void raise_descriptor_limit(std::uint64_t wanted) noexcept;

/// Tasks (processes and their threads) that this process and its children may be, beside what others of the
/// same user or cgroup are: RLIMIT_NPROC, which does not hold for root, and pids.max of every ancestor
/// cgroup. `root` as in MemoryBudget::read. Blocks for file reads; where RLIMIT_NPROC is near, for those of
/// /proc.
[[nodiscard]] Allowance tasks_allowed(const std::string& root = {});

/// Threads of this process now.
[[nodiscard]] std::uint64_t own_tasks(const std::string& root = {});

/// Bytes that a file, and so one piece of shared memory, may have: RLIMIT_FSIZE.
[[nodiscard]] Allowance file_size_allowed();

/// Bytes that this process may map: RLIMIT_AS.
[[nodiscard]] Allowance address_space_allowed();

}  // namespace forebay
