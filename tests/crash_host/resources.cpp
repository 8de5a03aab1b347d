#include "tests/crash_host/resources.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "host/process/process_info.h"
#include "host/process/thread_count.h"

namespace forebay::crash {
namespace {

std::uint64_t entries_of(const char* folder) {
  std::error_code none;
  const std::filesystem::directory_iterator all(folder, none);
  return static_cast<std::uint64_t>(std::distance(begin(all), end(all)));
}

std::uint64_t lines_of(const char* path) {
  std::ifstream in(path);
  return static_cast<std::uint64_t>(std::count(std::istreambuf_iterator<char>(in), {}, '\n'));
}

std::uint64_t children_of_all_threads() {
  std::uint64_t count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(thread.path() / "children");
    for (pid_t pid = 0; in >> pid;) ++count;
  }
  return count;
}

}  // namespace

Resources Resources::now() {
  Resources now;
  now.files = entries_of("/proc/self/fd");
  now.mappings = lines_of("/proc/self/maps");
  now.threads = thread_count().value_or(0);
  now.children = children_of_all_threads();
  now.rss_kib = rss_bytes(::getpid()).value_or(0) / 1024;
  now.shared_files = entries_of("/dev/shm");
  return now;
}

std::string Resources::text() const {
  return fmt::format("{} files, {} mappings, {} threads, {} children, {} KiB resident, {} names in /dev/shm",
                     files, mappings, threads, children, rss_kib, shared_files);
}

}  // namespace forebay::crash
