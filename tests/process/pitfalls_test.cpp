// The traps of processes in general, each as a test.
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>

#include "host/process/context.h"
#include "host/process/process_info.h"
#include "host/process/system_file.h"
#include "tests/host/open_fds.h"
#include "tests/process/process_probe.h"

namespace forebay {
namespace {

using namespace probe;

TEST(Pitfall5, AThreadThatEndsDoesNotTakeItsProcessesAlong) {
  for (const StartMethod method : {StartMethod::spawn, StartMethod::forkserver}) {
    const UniqueFd ready(::eventfd(0, EFD_CLOEXEC));
    Process process = get_context(method).process(&sleep_until_killed, ready);
    pid_t thread = 0;
    std::thread([&] {
      process.start();
      thread = ::gettid();
    }).join();
    await(ready.get());
    const std::string task = "/proc/self/task/" + std::to_string(thread);
    const auto deadline = soon();
    while (std::filesystem::exists(task)) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
    EXPECT_FALSE(process.join(50ms)) << to_string(method);
    process.kill();
    EXPECT_EQ(joined(process), -SIGKILL);
  }
}

TEST(Pitfall6, AChildWhoseGrandchildHoldsItsFilesIsReportedDeadAtOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  Process process(
      [](const UniqueFd& inherited) {
        ::fcntl(inherited.get(), F_SETFD, 0);
        pid_t pid = 0;
        char name[] = "setsid";  // leaves the process group, so that it outlives its parent
        char sleep[] = "sleep";
        char time[] = "1000";
        char* argv[] = {name, sleep, time, nullptr};
        if (::posix_spawnp(&pid, name, nullptr, nullptr, argv, environ) != 0) return;
        // Once it is a session of its own, it stays.
        while (::getsid(pid) != pid) std::this_thread::yield();
        static_cast<void>(::write(inherited.get(), &pid, sizeof(pid)));
        ::raise(SIGKILL);
      },
      writer);
  process.start();
  writer.reset();
  pid_t pid = 0;
  ASSERT_EQ(::read(reader.get(), &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
  const Watched grandchild(pid);
  EXPECT_EQ(joined(process), -SIGKILL);
  EXPECT_FALSE(grandchild.ends_within(0ms));
  pollfd entry{reader.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0) << "the pipe tells nothing: the grandchild holds it";
}

std::size_t mappings() {
  const std::string maps = read_system_file("/proc/self/maps").value_or("");
  return static_cast<std::size_t>(std::count(maps.begin(), maps.end(), '\n'));
}

/// Memory that this process alone has written to. Not that of the libraries: others share it, and as they end
/// each one's share grows.
std::uint64_t own_bytes() {
  const std::string rollup = read_system_file("/proc/self/smaps_rollup").value();
  return field_bytes(rollup, "Private_Dirty:").value();
}

// A process of a sanitizer build takes several times as long to start.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int cycles = 1000;
#else
constexpr int cycles = 10'000;
#endif

void cycle(int count) {
  for (int i = 0; i < count; ++i) {
    // Nine of ten by forkserver, which takes a third of the time.
    const StartMethod method = i % 10 == 0 ? StartMethod::spawn : StartMethod::forkserver;
    Process process = get_context(method).process([](int code) { return code; }, i % 100);
    ASSERT_EQ(run(process), i % 100);
  }
}

TEST(Pitfall10, ThousandsOfStartsAndJoinsLeaveNothing) {
  cycle(200);
  const std::size_t fds = open_fds();
  const std::size_t maps = mappings();
  const std::uint64_t memory = own_bytes();
  cycle(cycles);
  EXPECT_EQ(open_fds(), fds);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(mappings(), maps + 4);
  EXPECT_LT(own_bytes(), memory + (std::uint64_t{2} << 20U));
#else
  static_cast<void>(memory);  // a sanitizer keeps what was freed for a while, in mappings of its own
  static_cast<void>(maps);
#endif
  EXPECT_TRUE(active_children().empty());
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), 0);
  EXPECT_EQ(info.si_pid, 0) << "a zombie";
}

TEST(Pitfall11, EightThreadsAtOnceGetChildrenWithTheDocumentedSet) {
  std::vector<UniqueFd> inheritable;
  for (int i = 0; i < 20; ++i)
    inheritable.emplace_back(::open("/dev/zero", O_RDONLY));  // NOLINT: no O_CLOEXEC
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&right, i] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        for (const StartMethod method : {StartMethod::spawn, StartMethod::forkserver}) {
          Process process = get_context(method).process(
              [](int code) {
                sigset_t mask;
                ::sigprocmask(SIG_SETMASK, nullptr, &mask);
                return open_fds() == 5 && ::sigismember(&mask, SIGTERM) == 0 ? code : 99;
              },
              i);
          if (run(process) == i) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 16);
}

TEST(Pitfall12, StartingBesideThreadsThatAllocateAndPrintNeverHangs) {
  Captured captured(STDERR_FILENO);
  std::vector<std::jthread> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back([](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const std::vector<std::string> garbage(50, std::string(200, 'x'));
        static_cast<void>(std::fprintf(stderr, "%zu\n", garbage.size()));
        std::this_thread::sleep_for(100us);
      }
    });
  }
  for (int i = 0; i < 1000; ++i) {
    const StartMethod method = i % 10 == 0 ? StartMethod::spawn : StartMethod::forkserver;
    Process process = get_context(method).process([] {
      const std::vector<std::string> garbage(50, std::string(200, 'x'));
      return static_cast<int>(garbage.size());
    });
    ASSERT_EQ(run(process), 50) << i;
  }
}

}  // namespace
}  // namespace forebay
