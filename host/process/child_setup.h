#pragma once

#include <sched.h>

#include <cstdint>

namespace forebay {

struct SpawnOptions;

/// What a child changes in itself before it runs anything of the application: travels in its note.
struct ChildSetup {
  cpu_set_t affinity{};
  std::uint64_t memory_bytes = 0;  ///< RLIMIT_AS; 0: as the parent's
  std::uint64_t cpu_time_s = 0;    ///< RLIMIT_CPU; 0: as the parent's
  bool has_affinity = false;
  bool has_directory = false;  ///< the note's last descriptor is the working directory
  bool guarded = false;        ///< descriptor guardian_fd is there: say so before anything else
};

/// The part of the options that is plain data. Throws Error(usage) where an option makes no sense, and
/// Error(environment) where this build cannot do it.
[[nodiscard]] ChildSetup setup_of(const SpawnOptions& options);

/// In the child. `directory` is the working directory's descriptor, or -1. Throws Error(environment).
void apply(const ChildSetup& setup, int directory);

}  // namespace forebay
