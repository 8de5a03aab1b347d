// Process: its identity, arguments, exit codes, states and errors. One test for each conformance behaviour.
#include "host/process/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "host/error.h"
#include "host/process/context.h"
#include "host/process/current_process.h"
#include "host/process/remote_error.h"
#include "tests/host/open_fds.h"
#include "tests/process/process_probe.h"

namespace forebay {
namespace {

using namespace probe;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(P1, ThisProcessKnowsItself) {
  const CurrentProcess self = current_process();
  EXPECT_EQ(self.name(), "MainProcess");
  EXPECT_EQ(self.pid(), ::getpid());
  EXPECT_FALSE(self.daemon());
  EXPECT_EQ(self.exit_code(), std::nullopt);
}

TEST(P2, ArgumentsArriveEqual) {
  const std::vector<double> large(100'000, 1.5);  // in shared memory
  const std::string text(5000, 'x');              // more than one message
  Process process(
      [](int number, const std::string& words, std::span<const double> range,
         const std::map<std::string, int>& map) {
        const bool equal = number == 7 && words == std::string(5000, 'x') && range.size() == 100'000 &&
                           range.front() == 1.5 && range.back() == 1.5 && map.at("a") == 1;
        return equal ? 0 : 3;
      },
      7, text, std::span<const double>(large), std::map<std::string, int>{{"a", 1}});
  EXPECT_EQ(run(process), 0);
  Process small([](int a, char b) { return a + b; }, 1, char{2});
  EXPECT_EQ(run(small), 3);
}

TEST(P4, DaemonIsSetOrInheritedOrOverridden) {
  const auto is_daemon = [] { return current_process().daemon() ? 1 : 0; };
  Process plain(is_daemon);
  EXPECT_FALSE(plain.daemon());
  plain.set_daemon(true);
  EXPECT_TRUE(plain.daemon());
  EXPECT_EQ(run(plain), 1);
  EXPECT_THROW(plain.set_daemon(false), Error);
  Process by_option({.daemon = true}, is_daemon);
  EXPECT_EQ(run(by_option), 1);
  Process parent({.daemon = true}, [] {
    Process inherits([] { return current_process().daemon() ? 1 : 0; });
    Process overrides({.daemon = false}, [] { return current_process().daemon() ? 1 : 0; });
    return run(inherits) * 10 + run(overrides);
  });
  EXPECT_EQ(run(parent), 10);
}

TEST(P5, AChildKnowsItsParentAndAGrandchildItsOwn) {
  EXPECT_EQ(parent_process(), std::nullopt);
  Process child(
      [](pid_t root) {
        const auto parent = parent_process();
        if (!parent || parent->pid() != root || parent->name() != "MainProcess" || !parent->is_alive())
          return 1;
        if (parent->join(1ms)) return 2;
        Process grandchild(
            {.name = "grandchild"},
            [](pid_t expected) {
              const auto above = parent_process();
              return above && above->pid() == expected && above->name() == "child" ? 0 : 3;
            },
            ::getpid());
        return run(grandchild);
      },
      ::getpid());
  child.set_name("child");
  EXPECT_EQ(run(child), 0);
}

TEST(P6, ExitCodes) {
  Process nothing([] {});
  EXPECT_EQ(nothing.exit_code(), std::nullopt);
  EXPECT_EQ(run(nothing), 0);
  Process returns([] { return 8; });
  EXPECT_EQ(run(returns), 8);
  Process exits([] { std::exit(9); });
  EXPECT_EQ(run(exits), 9);
  Process leaves([] { ::_exit(10); });
  EXPECT_EQ(run(leaves), 10);
  Process aborts([] { std::abort(); });
  EXPECT_EQ(run(aborts), -SIGABRT);
  Captured stderr_text(STDERR_FILENO);
  Process throws([] { throw std::runtime_error("no"); });
  EXPECT_EQ(run(throws), 1);
  Process throws_number([] { throw 5; });
  EXPECT_EQ(run(throws_number), 1);
}

/// Starts a process that says when it is there, and then waits for a signal.
Process started_sleeper(ProcessOptions options = {}) {
  const UniqueFd ready(::eventfd(0, EFD_CLOEXEC));
  Process process(std::move(options), &sleep_until_killed, ready);
  process.start();
  await(ready.get());
  return process;
}

TEST(P7, TerminateKillAndInterruptGiveTheirSignals) {
  Process terminated = started_sleeper();
  terminated.terminate();
  EXPECT_EQ(joined(terminated), -SIGTERM);
  Process killed = started_sleeper();
  killed.kill();
  EXPECT_EQ(joined(killed), -SIGKILL);
  Process interrupted = started_sleeper();
  interrupted.interrupt();
  EXPECT_EQ(joined(interrupted), -SIGINT);
}

TEST(P8, AStoppedProcessIsTerminatedAndLaterSignalsAreHarmless) {
  Process process = started_sleeper();
  const pid_t pid = process.pid().value();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT), 0);
  process.kill();
  EXPECT_EQ(joined(process), -SIGKILL);
  process.kill();
  process.terminate();
  EXPECT_EQ(process.exit_code(), -SIGKILL);
}

TEST(P9, ActiveChildrenAreThoseThatRun) {
  Process process = started_sleeper();
  EXPECT_THAT(active_children(), Contains(process));
  process.kill();
  ASSERT_TRUE(process.join(patience));
  EXPECT_THAT(active_children(), Not(Contains(process)));
}

TEST(P9, ActiveChildrenReapsWhatHasEndedAndNeedsNoHandle) {
  pid_t pid = 0;
  {
    Process process = started_sleeper();
    pid = process.pid().value();
  }
  const Watched watched(pid);
  const auto with_pid = [pid](Process process) { return process.pid() == pid; };
  EXPECT_TRUE(std::ranges::any_of(active_children(), with_pid)) << "it lives on without a handle";
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(watched.ends_within(patience));
  EXPECT_FALSE(std::ranges::any_of(active_children(), with_pid));
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1) << "it was left a zombie";
}

int tree(int depth, std::string expected_name) {
  if (current_process().name() != expected_name) return 100;
  if (depth == 0) return 1;
  int sum = 1;
  for (int i = 1; i <= 2; ++i) {
    Process child(&tree, depth - 1, expected_name + ":" + std::to_string(i));
    sum += run(child);
  }
  return sum;
}

TEST(P10, ChildrenOfChildrenAreNamedByTheirPlaceInTheTree) {
  Process probe_name([] {});
  Process child(&tree, 2, "Process-" + std::to_string(std::stoi(probe_name.name().substr(8)) + 1));
  EXPECT_EQ(run(child), 7);
}

TEST(P11, TheSentinelIsReadableAtTheEndOnly) {
  Process process([] {});
  EXPECT_THROW(static_cast<void>(process.sentinel()), Error);
  Process sleeper = started_sleeper();
  pollfd entry{sleeper.sentinel(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  sleeper.kill();
  EXPECT_EQ(::poll(&entry, 1, 20'000), 1);
  EXPECT_EQ(joined(sleeper), -SIGKILL);
}

TEST(P12, CloseIsForTheEnded) {
  Process process = started_sleeper();
  EXPECT_THROW(process.close(), Error);
  process.kill();
  ASSERT_TRUE(process.join(patience));
  process.close();
  EXPECT_THROW(process.join(), Error);
  EXPECT_THROW(static_cast<void>(process.join(0ms)), Error);
  EXPECT_THROW(static_cast<void>(process.is_alive()), Error);
  EXPECT_THROW(static_cast<void>(process.exit_code()), Error);
  EXPECT_THROW(process.terminate(), Error);
  EXPECT_THROW(process.start(), Error);
  EXPECT_THROW(static_cast<void>(process.sentinel()), Error);
  EXPECT_FALSE(process.name().empty());
}

TEST(P13, ManyAreStartedAndEachHasItsExitCode) {
  std::vector<Process> processes;
  for (int i = 0; i < 10; ++i) {
    processes.emplace_back([](int code) { return code; }, i);
    processes.back().start();
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(joined(processes[static_cast<std::size_t>(i)]), i);
  processes.clear();
  for (int i = 0; i < 10; ++i) processes.push_back(started_sleeper());
  for (Process& process : processes) process.terminate();
  for (Process& process : processes) EXPECT_EQ(joined(process), -SIGTERM);
}

TEST(P14, ArgumentsAreLetGoOfAtTheStart) {
  Process first([] {});
  EXPECT_EQ(run(first), 0);  // what all share is there: the guardian
  first.close();
  const std::size_t before = open_fds();
  const std::vector<char> large(1 << 20, 'a');
  Process process([](std::vector<char>) { static_cast<void>(::pause()); }, large);
  EXPECT_EQ(open_fds(), before + 1) << "its memory";
  process.start();
  EXPECT_EQ(open_fds(), before + 2) << "its pidfd and its channel";
  process.kill();
  EXPECT_EQ(joined(process), -SIGKILL);
  process.close();
  EXPECT_EQ(open_fds(), before);
}

int count_fds() { return static_cast<int>(open_fds()); }

TEST(P15, AChildsDescriptorsDoNotDependOnItsSiblings) {
  Process alone(&count_fds);
  const int expected = run(alone);
  EXPECT_LE(expected, 5);
  std::vector<Process> siblings;
  for (int i = 0; i < 8; ++i) siblings.push_back(started_sleeper());
  Process among(&count_fds);
  EXPECT_EQ(run(among), expected);
  for (Process& sibling : siblings) sibling.kill();
  for (Process& sibling : siblings) EXPECT_EQ(joined(sibling), -SIGKILL);
}

TEST(P16, StaticThreadsAreJoinedByTheirDestructorsAtTheEnd) {
  const UniqueFd done(::eventfd(0, EFD_CLOEXEC));
  Process process(
      [](const UniqueFd& fd) {
        // The function returns while the thread works; std::exit runs the destructor, which joins.
        static std::jthread worker([number = ::dup(fd.get())] {
          std::this_thread::sleep_for(100ms);
          signal_event(number);
        });
      },
      done);
  EXPECT_EQ(run(process), 0);
  EXPECT_TRUE(is_signalled(done.get()));
}

TEST(P17, ABrokenStandardOutputDoesNotFailTheExit) {
  Process process([] {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return 1;
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    std::printf("nobody reads this\n");
    return 4;
  });
  EXPECT_EQ(run(process), 4);
}

struct Greeter {
  std::string greeting;
  template <typename Archive>
  void serialize(Archive& archive) {
    archive(greeting);
  }
  void operator()(const UniqueFd& to) const {
    static_cast<void>(::write(to.get(), greeting.data(), greeting.size()));
  }
};

TEST(P19, AClassWithACallOperatorTakesItsStateAlong) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  Process process(Greeter{"hello"}, UniqueFd(ends[1]));
  EXPECT_EQ(run(process), 0);
  std::array<char, 16> text{};
  EXPECT_EQ(::read(reader.get(), text.data(), text.size()), 5);
  EXPECT_STREQ(text.data(), "hello");
}

TEST(P20, AnUncaughtExceptionIsToldOnStderrOnceBeforeTheEnd) {
  Captured captured(STDERR_FILENO);
  Process process({.name = "thrower"}, [] { throw std::out_of_range("index 7 of 3"); });
  EXPECT_EQ(run(process), 1);
  const std::string text = captured.text();
  EXPECT_THAT(text, HasSubstr("thrower"));
  EXPECT_THAT(text, HasSubstr("index 7 of 3"));
  EXPECT_EQ(text.find("index 7 of 3"), text.rfind("index 7 of 3")) << text;
}

TEST(P20, TheParentGetsTheUncaughtException) {
  Captured captured(STDERR_FILENO);
  for (const StartMethod method : {StartMethod::spawn, StartMethod::forkserver}) {
    Process process =
        get_context(method).process({.name = "thrower"}, [] { throw std::out_of_range("index 7 of 3"); });
    process.start();
    const pid_t pid = process.pid().value();
    EXPECT_EQ(joined(process), 1);
    try {
      std::rethrow_exception(process.exception());
    } catch (const std::out_of_range& error) {
      EXPECT_STREQ(error.what(), "index 7 of 3");
      const RemoteInfo* info = remote_info(error);
      ASSERT_NE(info, nullptr);
      EXPECT_EQ(info->pid, pid);
      EXPECT_FALSE(info->trace.empty());
    }
  }
  Process fine([] {});
  EXPECT_EQ(run(fine), 0);
  EXPECT_EQ(fine.exception(), nullptr);
}

TEST(P21, WhatTheStateForbidsIsAnError) {
  Process process([] {});
  EXPECT_THROW(process.join(), Error);
  EXPECT_THROW(process.terminate(), Error);
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(run(process), 0);
  try {
    process.start();
    FAIL() << "started twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("twice"));
  }
}

TEST(P21, AnotherProcessMayNotStartOrJoinIt) {
  Process process([] {});
  const pid_t copy = ::fork();
  if (copy == 0) {
    int code = 1;
    try {
      process.start();
    } catch (const Error& error) {
      code = error.code() == ErrorCode::usage ? 0 : 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(copy, &status, 0), copy);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(run(process), 0);
}

TEST(P24, TheStartMethodIsSetOnceUnlessForced) {
  // In a child, as it holds for the whole process.
  Process process([] {
    if (get_start_method() != StartMethod::spawn) return 1;
    set_start_method(StartMethod::forkserver);
    try {
      set_start_method(StartMethod::spawn);
      return 2;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::usage) return 3;
    }
    if (get_start_method() != StartMethod::forkserver) return 4;
    set_start_method(StartMethod::spawn, true);
    return get_start_method() == StartMethod::spawn ? 0 : 5;
  });
  EXPECT_EQ(run(process), 0);
  EXPECT_THAT(get_all_start_methods(),
              ::testing::ElementsAre(StartMethod::spawn, StartMethod::forkserver, StartMethod::fork));
}

TEST(ProcessOptions, TheChildIsAsTheySay) {
  Process process({.name = "special",
                   .affinity = {0},
                   .environment = {{"FOREBAY_TEST_SET", "yes"}, {"HOME", std::nullopt}},
                   .working_directory = "/proc",
                   .cpu_time = 77s},
                  [] {
                    cpu_set_t set;
                    ::sched_getaffinity(0, sizeof(set), &set);
                    if (CPU_COUNT(&set) != 1 || !CPU_ISSET(0, &set)) return 1;
                    const char* value = std::getenv("FOREBAY_TEST_SET");
                    if (value == nullptr || std::string(value) != "yes") return 2;
                    if (std::getenv("HOME") != nullptr || std::getenv("PATH") == nullptr) return 3;
                    if (std::filesystem::current_path() != "/proc") return 4;
                    rlimit limit{};
                    ::getrlimit(RLIMIT_CPU, &limit);
                    return limit.rlim_cur == 77 && limit.rlim_max == 78 ? 0 : 5;
                  });
  EXPECT_EQ(run(process), 0);
  Process bare({.environment = {{"ONLY", "this"}}, .clear_environment = true},
               [] { return std::getenv("ONLY") != nullptr && std::getenv("PATH") == nullptr ? 0 : 1; });
  EXPECT_EQ(run(bare), 0);
}

TEST(ProcessOptions, NonsenseIsRefusedInTheParent) {
  const auto code_of = [](ProcessOptions options) {
    Process process(std::move(options), [] {});
    try {
      process.start();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::interrupted;
  };
  EXPECT_EQ(code_of({.affinity = {100'000}}), ErrorCode::usage);
  EXPECT_EQ(code_of({.environment = {{"a=b", "c"}}}), ErrorCode::usage);
  EXPECT_EQ(code_of({.working_directory = "/no/such/folder"}), ErrorCode::usage);
  EXPECT_EQ(code_of({.cpu_time = 0s}), ErrorCode::usage);
  EXPECT_EQ(code_of({.name = std::string(300, 'n')}), ErrorCode::usage);
}

TEST(ProcessOptions, AMemoryLimitIsBadAllocInTheChild) {
  Process process({.memory_bytes = std::uint64_t{512} << 20U}, [] {
    try {
      const std::vector<char> too_much(std::size_t{1} << 30U, 'x');
      return static_cast<int>(too_much.back());
    } catch (const std::bad_alloc&) {
      return 42;
    }
  });
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  EXPECT_THROW(process.start(), Error);
#else
  EXPECT_EQ(run(process), 42);
#endif
}

TEST(ProcessOptions, ACpuTimeLimitEndsTheChild) {
  Process process({.cpu_time = 1s}, [] {
    volatile std::uint64_t count = 0;
    while (true) count = count + 1;
  });
  EXPECT_EQ(run(process), -SIGXCPU);
}

TEST(ProcessExit, DaemonsAreTerminatedAndOthersJoinedAtTheNormalEnd) {
  // The child's end is the end under test.
  const UniqueFd done(::eventfd(0, EFD_CLOEXEC));
  Process parent(
      [](const UniqueFd& ready) {
        static_cast<void>(started_sleeper({.daemon = true}));
        Process slow(
            [](const UniqueFd& event) {
              std::this_thread::sleep_for(200ms);
              signal_event(event.get());
            },
            ready);
        slow.start();
      },
      done);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(parent), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience);
  EXPECT_TRUE(is_signalled(done.get())) << "the one that is no daemon was not joined";
}

TEST(ProcessExit, OneStartedByAThreadThatEndsLivesOn) {
  std::optional<Process> process;
  std::thread([&] { process = started_sleeper(); }).join();
  EXPECT_FALSE(process->join(50ms));
  process->kill();
  EXPECT_EQ(joined(*process), -SIGKILL);
}

}  // namespace
}  // namespace forebay
