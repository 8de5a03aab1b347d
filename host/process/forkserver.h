#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "host/process/child.h"
#include "host/process/start_child.h"

namespace forebay {

/// A function that every forkserver of this process runs once, before its first fork: it loads what all
/// children need, so that they find it loaded. It must start no thread and open no driver; what it prints is
/// flushed before the fork. nullptr: none. Holds for servers that start later; Python's
/// set_forkserver_preload. Thread-safe.
void set_forkserver_preload(void (*function)());

namespace detail {

/// This process's side of its forkserver: a spawned process of the same program with a single thread, that
/// waits inside init() and makes copies of itself on request, which are children of *this* process. It is
/// started by the first request, and again by the next one after it died; it ends with this process. Children
/// do not need it once they run.
///
/// Children see this process's environment, working directory and standard streams of the moment of their
/// start; its other attributes (umask, resource limits, CPU affinity) as they were when the server started.
///
/// Thread-safe: one request at a time, under `mutex_`, bounded by limits::child_start.
class Forkserver {
 public:
  [[nodiscard]] static Forkserver& instance();

  /// As spawn_child().
  [[nodiscard]] Child start(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                            int guardian);
  /// Ends the server, not the children. The next start() makes another.
  void stop() noexcept;
  /// In a copy that the start method fork made: the server is the original's.
  void forget() noexcept { std::construct_at(this); }
  /// 0 where there is none.
  [[nodiscard]] pid_t pid();

 private:
  void ensure_server(int guardian);
  [[nodiscard]] std::vector<std::string> changed_environment(const SpawnOptions& options) const;

  std::mutex mutex_;
  Child server_;
  std::vector<std::string> environment_;  // as the server has it
  std::string directory_;                 // likewise
};

}  // namespace detail
}  // namespace forebay
