#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace forebay {

/// The most memory that process `pid` ever had resident, shared pages included, in bytes (VmHWM in
/// /proc/PID/status). Nothing where the process has ended or may not be read. Thread-safe; blocks for a file
/// read.
[[nodiscard]] std::optional<std::uint64_t> peak_rss_bytes(pid_t pid);

/// The memory that process `pid` has resident now, shared pages included, in bytes (VmRSS in
/// /proc/PID/status).
[[nodiscard]] std::optional<std::uint64_t> rss_bytes(pid_t pid);

/// When process `pid` was started, in clock ticks since boot: with the pid it names a process for ever.
/// Nothing where it has ended.
[[nodiscard]] std::optional<std::uint64_t> start_time_of(pid_t pid);

/// How many processes the kernel's OOM killer has ended since boot, in all of the machine; 0 where it does
/// not say.
[[nodiscard]] std::uint64_t oom_kills_since_boot();

/// The memory of process `pid` now, in bytes, each shared page divided by the number of its users (Pss in
/// /proc/PID/smaps_rollup), so that processes add up. Walks the page tables: about a millisecond per GiB.
[[nodiscard]] std::optional<std::uint64_t> pss_bytes(pid_t pid);

}  // namespace forebay
