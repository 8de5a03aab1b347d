#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "host/memory/unique_fd.h"
#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "tests/crash_host/soak_report.h"

namespace forebay::crash {

/// Counts runs of items across processes: in memory that every worker maps by its initializer.
class RunCounter {
 public:
  struct Counts {
    std::atomic<std::uint64_t> runs{0};
    std::atomic<std::uint64_t> workers{0};
  };

  RunCounter();
  RunCounter(const RunCounter&) = delete;
  RunCounter& operator=(const RunCounter&) = delete;
  ~RunCounter();
  /// For a worker's initializer.
  [[nodiscard]] Call initializer() const;
  [[nodiscard]] std::uint64_t runs() const;
  /// That have begun an item.
  [[nodiscard]] std::uint64_t workers() const;

 private:
  UniqueFd file_;
  Counts* count_;
};

/// When the futures of a worker's tasks failed by its death.
class DeathLog {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  void failed(pid_t pid, TimePoint when) {
    const std::scoped_lock lock(mutex_);
    failures_.emplace(pid, when);
  }
  /// Nothing where it cost no task, or was not told yet.
  [[nodiscard]] std::optional<TimePoint> take(pid_t pid) {
    const std::scoped_lock lock(mutex_);
    const auto found = failures_.find(pid);
    if (found == failures_.end()) return std::nullopt;
    const TimePoint when = found->second;
    failures_.erase(found);
    return when;
  }

 private:
  std::mutex mutex_;
  std::map<pid_t, TimePoint> failures_;
};

/// A thread that keeps an engine busy with tasks of many kinds, whose outcomes it knows, until it is told to
/// stop. Every wait is bounded: what does not come in time is told by stuck().
class Load {
 public:
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  virtual ~Load() = default;

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  /// Waits for the outcomes of all that was submitted.
  void stop() {
    stop_ = true;
    thread_.join();
  }
  [[nodiscard]] virtual std::vector<pid_t> worker_pids() const = 0;
  [[nodiscard]] std::uint64_t outcomes() const { return outcomes_; }
  /// That came to work, of all that were ever started.
  [[nodiscard]] std::uint64_t workers_at_work() const { return runs_.workers(); }
  [[nodiscard]] SoakCounts counts() const;
  [[nodiscard]] std::string stuck() const { return stuck_; }

 protected:
  explicit Load(std::uint64_t seed) : random_(seed) {}
  virtual void step() = 0;
  virtual void finish() {}
  [[nodiscard]] std::uint64_t up_to(std::uint64_t n) { return random_() % n; }

  RunCounter runs_;
  std::atomic<std::uint64_t> submitted_{0}, answered_{0}, died_{0}, wrong_{0}, duplicates_{0}, outcomes_{0};

 private:
  void run();
  std::mt19937_64 random_;
  std::atomic<bool> stop_{false};
  std::string stuck_;
  std::thread thread_;
};

/// map, imap_unordered and apply over a pool that runs again what a death cost.
class PoolLoad final : public Load {
 public:
  PoolLoad(std::uint32_t workers, std::uint64_t seed);
  [[nodiscard]] std::vector<pid_t> worker_pids() const override { return pool_.worker_pids(); }

 private:
  void step() override;
  void map();
  void walk();
  void apply();

  Pool pool_;
};

/// Futures of an executor, with a window of them in flight; a death costs the task that ran.
class ExecutorLoad final : public Load {
 public:
  ExecutorLoad(std::uint32_t workers, std::uint64_t seed, DeathLog& log);
  [[nodiscard]] std::vector<pid_t> worker_pids() const override { return executor_.worker_pids(); }

 private:
  void step() override;
  void finish() override;
  template <typename F, typename... A>
  void submit(std::int64_t known, const F& function, A&&... arguments);

  DeathLog& log_;
  std::atomic<std::uint64_t> in_flight_{0};
  ProcessPoolExecutor executor_;
};

}  // namespace forebay::crash
