#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "host/memory/shared_memory.h"
#include "tests/process/process_probe.h"

namespace forebay::probe {

inline std::string test_name(const std::string& what) {
  return "forebay_test_" + std::to_string(::getpid()) + "_" + what;
}

inline bool is_there(const std::string& name) {
  struct stat status {};
  return ::lstat(("/dev/shm/" + name).c_str(), &status) == 0;
}

/// Within what Forebay promises after a death.
inline bool goes_away(const std::string& name, std::chrono::milliseconds time = 2000ms) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (is_there(name)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// Blocks whose names begin so.
inline std::size_t count_blocks(const std::string& prefix) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
    count += entry.path().filename().string().starts_with(prefix) ? 1U : 0U;
  return count;
}

/// The code of the Error that `run` throws.
template <typename F>
std::optional<ErrorCode> code_of(const F& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

}  // namespace forebay::probe
