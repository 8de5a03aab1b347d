#include "host/process/child.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "host/error.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using namespace probe;

const SpawnOptions options{"forebay: test child", "forebay-test"};

ExitStatus status_of(ChildMain function) {
  Child child = Child::spawn(function, options);
  const auto status = child.wait_until(soon());
  if (!status) throw std::runtime_error("the child does not end");
  return *status;
}

void without_core() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

int returns_number(Channel channel) { return static_cast<int>(hear(channel).number); }

TEST(Child, ExitCodeIsTheReturnValue) {
  for (const int code : {0, 1, 8, 255}) {
    Child child = Child::spawn(&returns_number, options);
    tell(child.channel(), Note::of("", code));
    const auto status = child.wait_until(soon());
    ASSERT_TRUE(status);
    EXPECT_TRUE(status->known);
    EXPECT_EQ(status->exit_code, code);
    EXPECT_EQ(status->signal, 0);
    EXPECT_EQ(describe(*status), "exit code " + std::to_string(code));
  }
}

TEST(Child, ACapturelessLambdaRuns) {
  EXPECT_EQ(status_of([](Channel) { return 21; }).exit_code, 21);
}

TEST(Child, StdExitAndUnderscoreExitAreExitCodesToo) {
  EXPECT_EQ(status_of([](Channel) -> int { std::exit(5); }).exit_code, 5);
  EXPECT_EQ(status_of([](Channel) -> int { ::_exit(6); }).exit_code, 6);
}

TEST(Child, ASignalIsNamed) {
  const ExitStatus killed = status_of([](Channel) { return ::raise(SIGKILL); });
  EXPECT_TRUE(killed.known);
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_EQ(describe(killed), "killed by signal 9 (SIGKILL)");
  const ExitStatus aborted = status_of([](Channel) {
    without_core();
    return ::raise(SIGABRT);
  });
  EXPECT_EQ(aborted.signal, SIGABRT);
  EXPECT_FALSE(aborted.core_dumped);
}

TEST(Child, SigintEndsIt) {
  // Ctrl+C does not reach it (its own process group), but whoever sends SIGINT means it.
  Child child = Child::spawn(&stay, options);
  child.signal(SIGINT);
  const auto status = child.wait_until(soon());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal, SIGINT);
}

TEST(Child, DescribesEveryKindOfEnd) {
  EXPECT_EQ(describe(ExitStatus{}), "exit status unknown");
  EXPECT_EQ(describe({true, 3, 0, false}), "exit code 3");
  EXPECT_EQ(describe({true, 0, SIGSEGV, true}), "killed by signal 11 (SIGSEGV), core dumped");
  EXPECT_EQ(describe({true, 0, 250, false}), "killed by signal 250");
}

TEST(Child, AnUncaughtExceptionIsOneLineWithTheRoleAndExitCode1) {
  std::string text;
  {
    const Captured captured(STDERR_FILENO);
    EXPECT_EQ(status_of([](Channel) -> int { throw std::runtime_error("first\nsecond"); }).exit_code, 1);
    EXPECT_EQ(status_of([](Channel) -> int { throw 3; }).exit_code, 1);
    text = captured.text();
  }
  EXPECT_EQ(text,
            "forebay: test child: first second\n"
            "forebay: test child: ended by an exception that is no std::exception\n");
}

TEST(Child, BuffersAreWrittenAndExitHandlersRun) {
  std::string text;
  {
    const Captured captured(STDOUT_FILENO);
    EXPECT_EQ(status_of([](Channel) {
                static_cast<void>(std::atexit([] { static_cast<void>(std::fputs(" at exit", stdout)); }));
                static_cast<void>(std::fputs("unflushed", stdout));
                return 0;
              }).exit_code,
              0);
    text = captured.text();
  }
  EXPECT_EQ(text, "unflushed at exit");
}

TEST(Child, ItsChannelClosesBeforeItsExitHandlersRun) {
  // So that a parent that waits for EOF does not wait for destructors of statics.
  Child child = Child::spawn(
      [](Channel) {
        static_cast<void>(std::atexit([] { ::pause(); }));
        return 0;
      },
      options);
  EXPECT_TRUE(closes(child.channel()));
  EXPECT_FALSE(child.wait_until(std::chrono::steady_clock::now()));
}

TEST(Child, WaitsNoLongerThanTheDeadlineAndRepeatsItself) {
  Child child = Child::spawn(&stay, options);
  EXPECT_FALSE(child.wait_until(std::chrono::steady_clock::time_point::min()));
  EXPECT_FALSE(child.wait_until(std::chrono::steady_clock::now() + 20ms));
  child.signal(SIGTERM);
  const auto first = child.wait_until(std::chrono::steady_clock::time_point::max());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->signal, SIGTERM);
  const auto second = child.wait_until(std::chrono::steady_clock::time_point::min());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->signal, SIGTERM);
  EXPECT_TRUE(child.valid());
  child.signal(SIGTERM);  // nothing happens
  child.kill_group();
}

TEST(Child, DestructionKillsAndReaps) {
  std::optional<Child> child = Child::spawn(&stay, options);
  const pid_t pid = child->pid();
  const Watched watched(pid);
  EXPECT_FALSE(watched.ends_within(0ms));
  child.reset();
  EXPECT_TRUE(watched.ends_within(0ms));
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST(Child, MovesAndAssignmentEndsTheOldOne) {
  Child first = Child::spawn(&echo, options);
  const Watched watched(first.pid());
  Child moved = std::move(first);
  EXPECT_FALSE(
      first.valid());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is the question
  tell(moved.channel(), Note::of("still there"));
  EXPECT_EQ(hear(moved.channel()).words(), "still there");
  Child& same = moved;
  moved = std::move(same);
  EXPECT_FALSE(watched.ends_within(0ms));
  moved = Child::spawn(&echo, options);
  EXPECT_TRUE(watched.ends_within(0ms));
  tell(moved.channel(), Note::of("the other"));
  EXPECT_EQ(hear(moved.channel()).words(), "the other");
  moved = Child();
  EXPECT_FALSE(moved.valid());
}

TEST(Child, AnEmptyOneIsHarmless) {
  Child child;
  EXPECT_FALSE(child.valid());
  child.signal(SIGKILL);
  child.kill_group();
  EXPECT_FALSE(child.wait_until(soon()));
}

TEST(Child, AStatusTakenBySomebodyElseIsUnknown) {
  Child child = Child::spawn(&stay, options);
  child.signal(SIGKILL);
  ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
  const auto status = child.wait_until(soon());
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->known);
  EXPECT_EQ(describe(*status), "exit status unknown");
}

TEST(Child, WithSigchldIgnoredTheStatusIsUnknownButTheEndIsSeen) {
  struct sigaction ignore {};
  struct sigaction saved {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGCHLD, &ignore, &saved), 0);
  Child child = Child::spawn(&stay, options);
  child.signal(SIGTERM);
  const auto status = child.wait_until(soon());
  ASSERT_EQ(::sigaction(SIGCHLD, &saved, nullptr), 0);
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->known);
}

TEST(Child, ANameThatDoesNotFitIsRefused) {
  EXPECT_NO_THROW(static_cast<void>(Child::spawn(&stay, {"title", "exactly15bytes."})));
  EXPECT_THROW(static_cast<void>(Child::spawn(&stay, {"title", "one byte too big"})), Error);
}

}  // namespace
}  // namespace forebay
