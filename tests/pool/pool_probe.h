#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/codec/shared_range.h"
#include "host/error.h"
#include "tests/process/probe.h"

// What the tests of pools and executors share: functions that run in workers, and ways to see them at it.
namespace forebay::probe {

using Clock = std::chrono::steady_clock;

template <typename Predicate>
bool eventually(const Predicate& predicate, std::chrono::milliseconds time = patience) {
  const auto deadline = Clock::now() + time;
  while (!predicate()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

inline bool exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

inline bool all_gone(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    if (exists(pid)) return false;
  }
  return true;
}

/// Children of this process, zombies among them, but for the helpers that Forebay keeps.
inline std::size_t children() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "children");
    for (std::string pid; in >> pid;) ++count;
  }
  return count;
}

/// Counters in memory that a test and its workers share.
class Counters {
 public:
  explicit Counters(std::size_t count) : words_(count) {}
  Counters() = default;

  int add(std::size_t index = 0, int number = 1) const { return word(index).fetch_add(number) + number; }
  [[nodiscard]] int get(std::size_t index = 0) const { return word(index).load(); }
  void set(std::size_t index, int value) const { word(index).store(value); }
  [[nodiscard]] bool reaches(std::size_t index, int value) const {
    return eventually([&] { return get(index) >= value; });
  }

  void encode_into(Encoder& out) const { words_.encode_into(out); }
  static Counters decode_from(Decoder& in) {
    Counters counters;
    counters.words_ = SharedRange<int>::decode_from(in);
    return counters;
  }

 private:
  [[nodiscard]] std::atomic_ref<int> word(std::size_t index) const {
    int* const words = words_.data();
    if (words == nullptr || index >= words_.size()) throw std::out_of_range("no such counter");
    return std::atomic_ref<int>(words[index]);
  }
  SharedRange<int> words_;
};

/// Holds workers up until the test lets them go.
class Gate {
 public:
  Gate() : counters_(2) {}
  /// Called by a task: says that it is there, and waits.
  void pass() const {
    counters_.add(0);
    if (!counters_.reaches(1, 1)) throw std::runtime_error("the gate stayed shut");
  }
  [[nodiscard]] bool waits(int tasks) const { return counters_.reaches(0, tasks); }
  [[nodiscard]] int arrived() const { return counters_.get(0); }
  void open() const { counters_.set(1, 1); }

  void encode_into(Encoder& out) const { counters_.encode_into(out); }
  static Gate decode_from(Decoder& in) {
    Gate gate{Counters::decode_from(in)};
    return gate;
  }

 private:
  explicit Gate(Counters counters) : counters_(std::move(counters)) {}
  Counters counters_;
};

inline int square(int x) { return x * x; }
inline int sum(int a, int b) { return a + b; }
inline pid_t pid_after(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return ::getpid();
}
inline void nap(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }
inline int pass_gate(const Gate& gate) {
  gate.pass();
  return 1;
}
inline int fail(const std::string& words) { throw std::out_of_range(words); }

enum class Trap : int { none, error, exit, crash };

inline void spring(Trap trap) {
  if (trap == Trap::error) throw std::domain_error("the trap was sprung");
  if (trap == Trap::exit) std::exit(3);
  if (trap == Trap::crash) ::raise(SIGKILL);
}

/// Springs when it is serialised.
struct TrapOnSave {
  Trap trap = Trap::none;
  template <class Archive>
  void save(Archive& archive) const {
    spring(trap);
    archive(static_cast<int>(trap));
  }
  template <class Archive>
  void load(Archive& archive) {
    int number = 0;
    archive(number);
    trap = static_cast<Trap>(number);
  }
};

/// Springs when it is deserialised.
struct TrapOnLoad {
  Trap trap = Trap::none;
  template <class Archive>
  void save(Archive& archive) const {
    archive(static_cast<int>(trap));
  }
  template <class Archive>
  void load(Archive& archive) {
    int number = 0;
    archive(number);
    trap = static_cast<Trap>(number);
    spring(trap);
  }
};

template <typename Call>
ErrorCode error_code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::remote;
}

template <typename E, typename Call>
std::string words_of(const Call& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw another type: " << error.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

class Stopwatch {
 public:
  [[nodiscard]] std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_);
  }

 private:
  Clock::time_point begin_ = Clock::now();
};

}  // namespace forebay::probe
