// The time of day is set by an hour while processes wait. This executable has a clock of its own: what
// Forebay and the C++ library read as the time of day is off by as much as a test likes, while the kernel,
// which ends the waits, does not know of it. Whoever computed a deadline from the time of day would wait for
// an hour, or not at all.
#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/channel/connection.h"
#include "host/channel/queue.h"
#include "host/channel/wait.h"
#include "host/pool/pool.h"
#include "host/sync/barrier.h"
#include "host/sync/condition.h"
#include "host/sync/lock.h"
#include "host/sync/semaphore.h"
#include "tests/sync/children.h"

namespace {

std::atomic<long> seconds_off{0};

int read_clock(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += seconds_off;
  return result;
}

}  // namespace

// In place of the C library's: the program's own definition comes first for all shared libraries.
extern "C" {
int clock_gettime(clockid_t clock, timespec* time) noexcept { return read_clock(clock, time); }
int gettimeofday(timeval* into, void* /*zone*/) noexcept {
  timespec now{};
  const int result = read_clock(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return result;
}
time_t time(time_t* into) noexcept {
  timespec now{};
  read_clock(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}
}

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

constexpr auto timeout = 150ms;
constexpr auto tolerance = 50ms;
constexpr int attempts = 10;  // to be that exact on a busy machine

/// Sets the time of day by an hour, forward, back and back again, all the while.
class Steps {
 public:
  Steps() {
    stepper_ = std::jthread([this](const std::stop_token& stop) {
      for (int i = 0; !stop.stop_requested(); ++i) {
        seconds_off = std::array<long, 3>{3600, 0, -3600}[static_cast<std::size_t>(i % 3)];
        ++steps_;
        std::this_thread::sleep_for(7ms);
      }
      seconds_off = 0;
    });
  }
  [[nodiscard]] int count() const noexcept { return steps_; }

 private:
  std::atomic<int> steps_{0};
  std::jthread stepper_;
};

/// `wait` gives up after `timeout`: never sooner, and later by no more than the tolerance.
void expect_exact(const std::string& what, const std::function<bool()>& wait) {
  auto best = Clock::duration::max();
  for (int i = 0; i < attempts && best > timeout + tolerance; ++i) {
    const auto begin = Clock::now();
    EXPECT_FALSE(wait()) << what;
    const auto elapsed = Clock::now() - begin;
    EXPECT_GE(elapsed, timeout) << what;
    best = std::min(best, elapsed);
  }
  EXPECT_LE(best, timeout + tolerance) << what;
}

/// The time passes, told by an exception.
template <typename E>
std::function<bool()> throwing(std::function<void()> wait) {
  return [wait = std::move(wait)] {
    try {
      wait();
    } catch (const E&) {
      return false;
    }
    return true;
  };
}

TEST(Pitfall8, TheClockOfThisTestSteps) {
  const auto before = std::chrono::system_clock::now();
  seconds_off = 3600;
  const auto after = std::chrono::system_clock::now();
  seconds_off = 0;
  EXPECT_GE(after - before, 1h);
  EXPECT_LT(after - before, 2h);
}

TEST(Pitfall8, ADeadlineInTheTimeOfDayWouldBeMissed) {
  std::mutex mutex;
  std::condition_variable condition;
  std::unique_lock lock(mutex);
  seconds_off = -3600;
  const auto begin = Clock::now();
  condition.wait_until(lock, std::chrono::system_clock::now() + timeout);
  seconds_off = 0;
  EXPECT_LT(Clock::now() - begin, timeout) << "then the tests below would see nothing";
}

TEST(Pitfall8, LocksAndTheirLike) {
  const Steps steps;
  Lock lock;
  RLock recursive;
  std::atomic<bool> held{false};
  std::jthread holder([&](const std::stop_token& stop) {
    const std::scoped_lock both(lock, recursive);
    held = true;
    while (!stop.stop_requested()) std::this_thread::sleep_for(5ms);
  });
  while (!held) std::this_thread::yield();
  const auto try_it = [](auto& one) {
    if (!one.try_lock_for(timeout)) return false;
    one.unlock();
    return true;
  };
  expect_exact("Lock", [&] { return try_it(lock); });
  expect_exact("RLock", [&] { return try_it(recursive); });
  Semaphore semaphore(0);
  expect_exact("Semaphore", [&] { return semaphore.acquire(timeout); });
  Event event;
  expect_exact("Event", [&] { return event.wait(timeout); });
  Condition condition;
  expect_exact("Condition", [&] {
    const std::scoped_lock guard(condition.lock());
    return condition.wait_for([] { return false; }, timeout);
  });
  expect_exact("Barrier", throwing<BrokenBarrier>([] { Barrier(2, timeout).wait(); }));
  EXPECT_GT(steps.count(), 10);
}

TEST(Pitfall8, QueuesPipesProcessesAndPools) {
  const Steps steps;
  Queue<int> queue(1);
  expect_exact("get", throwing<QueueEmpty>([&] { static_cast<void>(queue.get(timeout)); }));
  queue.put(1);
  expect_exact("put", throwing<QueueFull>([&] { queue.put(2, timeout); }));
  JoinableQueue<int> joinable(1);
  joinable.put(1);
  expect_exact("JoinableQueue.join", [&] { return joinable.join(timeout); });
  auto [here, there] = pipe();
  expect_exact("poll", [&] { return here.poll(timeout); });
  const std::vector<Waitable> objects{&here};
  expect_exact("wait_ready", [&] { return !wait_ready(objects, timeout).empty(); });
  Event ready;
  Children children;
  Process& process = children.start(stay, ready);
  ASSERT_TRUE(ready.wait(patience));
  expect_exact("Process.join", [&] { return process.join(timeout); });
  Pool pool(1);
  const auto result = pool.apply_async([] {
    Event never;
    never.wait(patience);
    return 1;
  });
  expect_exact("AsyncResult.wait", [&] { return result.wait(timeout); });
  process.kill();
  pool.terminate();
  EXPECT_GT(steps.count(), 10);
}

}  // namespace
}  // namespace forebay
