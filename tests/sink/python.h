#pragma once

#include <stdio.h>  // NOLINT: popen is POSIX

#include <array>
#include <cstdio>
#include <string>

namespace forebay::test {

/// Runs a Python program (Debian's python3, which has Debian's NumPy) within a minute; its output, both
/// kinds.
inline std::string run_python(const std::string& program) {
  const std::string command = "timeout 60 /usr/bin/python3 -c \"" + program + "\" 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::string output;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
  const int status = ::pclose(pipe);
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return status == 0 ? output : "python3 failed: " + output;
}

inline bool has_numpy() { return run_python("import numpy; print('yes')") == "yes"; }

}  // namespace forebay::test
