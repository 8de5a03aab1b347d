#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/process/child.h"

namespace forebay {

/// How a Process is to be. For designated initialisers: Process({.name = "loader", .affinity = {0, 1}}, f).
struct ProcessOptions {
  std::string name{};                         ///< empty: "Process-1", its children "Process-1:1" …
  std::optional<bool> daemon{};               ///< nothing: as the process that makes it
  std::optional<StartMethod> start_method{};  ///< nothing: get_start_method() when it starts
  std::vector<unsigned> affinity{};           ///< numbers of the CPUs that it may use; empty: as this process
  Environment environment{};                  ///< changes to this process's environment
  bool clear_environment = false;             ///< `environment` is all that it gets
  std::string working_directory{};            ///< empty: this process's
  std::optional<std::uint64_t> memory_bytes{};     ///< of its address space: more is std::bad_alloc there
  std::optional<std::chrono::seconds> cpu_time{};  ///< SIGXCPU, and SIGKILL a second later
};

}  // namespace forebay
