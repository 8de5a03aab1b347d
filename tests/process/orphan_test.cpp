// Who outlives whom: children end with their parent process, not with a thread of it, and take along what
// they started.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <future>
#include <string>
#include <thread>

#include "host/error.h"
#include "host/process/child.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using namespace probe;

const SpawnOptions options{"forebay: test child", "forebay-test"};
constexpr std::chrono::milliseconds gone_by{2000};  // the design's promise for what a dead coordinator leaves

/// Nothing but SIGKILL ends it: neither the end of its channel, nor the SIGHUP that a stopped process gets
/// when its group is orphaned. So what ends it is the tie to its parent.
int deaf(Channel channel) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  tell(channel, Note::of("deaf"));
  while (true) ::pause();
}

int deaf_and_stopped(Channel channel) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  tell(channel, Note::of("about to stop"));
  ::raise(SIGSTOP);
  while (true) ::pause();
}

template <ChildMain grandchild, bool stops>
int intermediate(Channel channel) {
  Child child = Child::spawn(grandchild, options);
  hear(child.channel());
  if constexpr (stops) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WSTOPPED | WNOWAIT) != 0) return 1;
  }
  tell(channel, Note::of("grandchild", child.pid()));
  return stay(std::move(channel));
}

pid_t start_sleep() {
  pid_t pid = 0;
  char name[] = "sleep";
  char time[] = "1000";
  char* argv[] = {name, time, nullptr};
  if (::posix_spawnp(&pid, name, nullptr, nullptr, argv, environ) != 0) throw std::runtime_error("no sleep");
  return pid;
}

/// Starts a process that is none of Forebay's, names it, and then ends or stays.
template <bool stays>
int with_company(Channel channel) {
  tell(channel, Note::of("sleep", start_sleep()));
  if constexpr (stays) return stay(std::move(channel));
  hear(channel);  // until the test watches it
  return 0;
}

TEST(Orphan, AKilledParentTakesItsChildAlong) {
  Child parent = Child::spawn(&intermediate<&deaf, false>, options);
  const Watched grandchild(static_cast<pid_t>(hear(parent.channel()).number));
  ASSERT_TRUE(grandchild.valid());
  EXPECT_FALSE(grandchild.ends_within(0ms));
  parent.signal(SIGKILL);
  EXPECT_TRUE(grandchild.ends_within(gone_by));
}

TEST(Orphan, EvenAStoppedOne) {
  Child parent = Child::spawn(&intermediate<&deaf_and_stopped, true>, options);
  const Watched grandchild(static_cast<pid_t>(hear(parent.channel()).number));
  ASSERT_TRUE(grandchild.valid());
  EXPECT_FALSE(grandchild.ends_within(0ms));
  parent.signal(SIGKILL);
  EXPECT_TRUE(grandchild.ends_within(gone_by));
}

TEST(Orphan, AParentThatReturnsFromMainTakesItsChildAlong) {
  Child parent = Child::spawn(
      [](Channel channel) {
        // Never destroyed, so its destructor ends nothing: the process's end must.
        static Child* const leaked = new Child(Child::spawn(&deaf, options));  // NOLINT: on purpose
        hear(leaked->channel());
        tell(channel, Note::of("grandchild", leaked->pid()));
        hear(channel);
        return 0;
      },
      options);
  const Watched grandchild(static_cast<pid_t>(hear(parent.channel()).number));
  ASSERT_TRUE(grandchild.valid());
  tell(parent.channel(), Note::of("return"));
  EXPECT_TRUE(grandchild.ends_within(patience));
  EXPECT_EQ(parent.wait_until(soon())->exit_code, 0);
}

TEST(Orphan, TheEndOfTheThreadThatSpawnedKillsNobody) {
  std::promise<pid_t> thread_id;
  Child child;
  std::thread([&] {
    child = Child::spawn(&echo, options);
    thread_id.set_value(::gettid());
  }).join();
  // Joined is not yet gone: PDEATHSIG would come with the thread's last step, after which it leaves /proc.
  const std::string task = "/proc/self/task/" + std::to_string(thread_id.get_future().get());
  const auto deadline = soon();
  while (std::filesystem::exists(task)) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::yield();
  }
  tell(child.channel(), Note::of("still there?"));
  EXPECT_EQ(hear(child.channel()).words(), "still there?");
}

TEST(Orphan, KillingTheGroupTakesWhatTheChildStarted) {
  Child child = Child::spawn(&with_company<true>, options);
  const Watched company(static_cast<pid_t>(hear(child.channel()).number));
  ASSERT_TRUE(company.valid());
  EXPECT_FALSE(company.ends_within(0ms));
  child.kill_group();
  EXPECT_TRUE(company.ends_within(patience));
  EXPECT_EQ(child.wait_until(soon())->signal, SIGKILL);
}

TEST(Orphan, AChildThatEndsLeavesNobodyInItsGroup) {
  Child child = Child::spawn(&with_company<false>, options);
  const Watched company(static_cast<pid_t>(hear(child.channel()).number));
  ASSERT_TRUE(company.valid());
  tell(child.channel(), Note::of("end"));
  const auto status = child.wait_until(soon());
  ASSERT_TRUE(status);
  EXPECT_EQ(describe(*status), "exit code 0");
  EXPECT_TRUE(company.ends_within(patience));
}

TEST(Orphan, AForkedCopyCanNeitherSpawnNorHarmTheChildren) {
  // In a process of its own, because the copy runs exit handlers.
  Child parent = Child::spawn(
      [](Channel) {
        static Child child = Child::spawn(&echo, options);
        const pid_t copy = ::fork();
        if (copy == 0) {
          int code = 1;
          try {
            static_cast<void>(Child::spawn(&stay, options));
          } catch (const Error& error) {
            code = error.code() == ErrorCode::usage ? 33 : 2;
          }
          std::exit(code);  // runs the destructors of statics: of `child`, and of the spawner's guard
        }
        int status = 0;
        if (::waitpid(copy, &status, 0) != copy || !WIFEXITED(status)) return 3;
        tell(child.channel(), Note::of("unharmed?"));
        return hear(child.channel()).words() == "unharmed?" ? WEXITSTATUS(status) : 4;
      },
      options);
  const auto status = parent.wait_until(soon());
  ASSERT_TRUE(status) << "the forked copy hangs";
  EXPECT_EQ(status->exit_code, 33);
}

}  // namespace
}  // namespace forebay
