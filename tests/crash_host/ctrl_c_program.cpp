// For ctrl_c_test.py: waits for a pool in a way that the first argument names, with an InterruptScope or,
// where the second is "plain", without. Says what came; ends with 130 after Ctrl+C.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "host/pool/as_completed.h"
#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "host/process/init.h"
#include "host/sync/interrupt.h"

namespace {

using forebay::Interrupted;
using forebay::Pool;
using forebay::ProcessPoolExecutor;

constexpr int interrupted = 130;  // 128 + SIGINT, as a shell has it

int nap(int i) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return i;
}

/// One line, in one write.
void say(const std::string& text) {
  const std::string line = text + "\n";
  [[maybe_unused]] const ssize_t put = ::write(STDOUT_FILENO, line.data(), line.size());
}

void say_ready(const std::vector<pid_t>& workers) {
  std::string line = "ready";
  for (const pid_t pid : workers) line.append(1, ' ').append(std::to_string(pid));
  say(line);
}

template <typename Wait>
int wait_with_pool(Wait&& wait) {
  Pool pool(2);
  static_cast<void>(pool.apply(nap, 0));
  say_ready(pool.worker_pids());
  try {
    wait(pool);
    say("not interrupted");
    return 1;
  } catch (const Interrupted& error) {
    say(error.what());
  }
  // Once is enough: the next call is as any other.
  pool.terminate();
  pool.join();
  return interrupted;
}

template <typename Wait>
int wait_with_executor(Wait&& wait) {
  ProcessPoolExecutor executor(2);
  std::vector<forebay::Future<int>> futures;
  for (int i = 0; i < 1000; ++i) futures.push_back(executor.submit(nap, i));
  static_cast<void>(futures[0].result());
  say_ready(executor.worker_pids());
  try {
    wait(executor, futures);
    say("not interrupted");
    return 1;
  } catch (const Interrupted& error) {
    say(error.what());
  }
  executor.kill_workers();
  return interrupted;
}

const auto many = std::views::iota(0, 10'000);

int map() {
  return wait_with_pool([](Pool& pool) { static_cast<void>(pool.map(nap, many)); });
}
int imap() {
  return wait_with_pool([](Pool& pool) {
    auto results = pool.imap(nap, many);
    while (results.next()) {
    }
  });
}
int join() {
  return wait_with_pool([](Pool& pool) {
    const auto result = pool.map_async(nap, many);
    pool.close();
    pool.join();
  });
}
int result() {
  return wait_with_executor([](auto&, auto& futures) { static_cast<void>(futures.back().result()); });
}
int as_completed() {
  return wait_with_executor([](auto&, auto& futures) {
    for (auto& future : forebay::as_completed(futures)) static_cast<void>(future.done());
  });
}
int wait() {
  return wait_with_executor([](auto&, auto& futures) { static_cast<void>(forebay::wait(futures)); });
}
int shutdown() {
  return wait_with_executor([](auto& executor, auto&) { executor.shutdown(); });
}
/// The exception ends the pool as it leaves, by destructors alone.
int unwind() {
  try {
    ProcessPoolExecutor executor(2);
    std::vector<forebay::Future<int>> futures;
    for (int i = 0; i < 1000; ++i) futures.push_back(executor.submit(nap, i));
    static_cast<void>(futures[0].result());
    say_ready(executor.worker_pids());
    static_cast<void>(futures.back().result());
    say("not interrupted");
  } catch (const Interrupted& error) {
    say(error.what());
  }
  return interrupted;
}
/// Does not listen to the first one.
int stubborn() {
  return wait_with_pool([](Pool& pool) {
    try {
      static_cast<void>(pool.map(nap, many));
    } catch (const Interrupted& error) {
      say(error.what());
    }
    static_cast<void>(pool.map(nap, many));
  });
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  const std::map<std::string, std::function<int()>> ways{{"map", map},
                                                         {"imap", imap},
                                                         {"join", join},
                                                         {"result", result},
                                                         {"as_completed", as_completed},
                                                         {"wait", wait},
                                                         {"shutdown", shutdown},
                                                         {"unwind", unwind},
                                                         {"stubborn", stubborn}};
  if (argc < 2 || !ways.contains(argv[1])) return 2;
  std::unique_ptr<forebay::InterruptScope> scope;
  if (argc < 3 || std::string(argv[2]) != "plain") scope = std::make_unique<forebay::InterruptScope>();
  return ways.at(argv[1])();
}
