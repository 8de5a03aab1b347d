// The start method fork: a copy that works, and refusals where it could not.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <sys/eventfd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "host/error.h"
#include "host/process/context.h"
#include "host/process/current_process.h"
#include "host/process/guardian.h"
#include "tests/process/process_probe.h"

namespace forebay {
namespace {

using namespace probe;
using ::testing::HasSubstr;

const Context by_fork = get_context(StartMethod::fork);
int changed = 0;

TEST(Fork, TheCopyHasTheParentsMemory) {
  changed = 41;
  Process process = by_fork.process([](int more) { return changed + more; }, 1);
  EXPECT_EQ(run(process), 42);
  changed = 0;
}

TEST(Fork, TheCopyMayStartProcessesOfEveryMethod) {
  Process process = by_fork.process([] {
    for (const StartMethod method : get_all_start_methods()) {
      Process child =
          get_context(method).process([](pid_t parent) { return ::getppid() == parent ? 3 : 4; }, ::getpid());
      if (run(child) != 3) return 1;
    }
    return parent_process()->is_alive() && active_children().empty() ? 0 : 2;
  });
  EXPECT_EQ(run(process), 0);
}

/// Runs in a fresh process: says on stdout when it is destroyed.
struct Noisy {
  ~Noisy() { std::printf("destroyed in %s\n", ::getpid() == home ? "the original" : "a copy"); }
  pid_t home = ::getpid();
};

TEST(Fork, TheParentsDestructorsAndBuffersAreTheParents) {
  Captured captured(STDOUT_FILENO);
  Process original([] {
    static const Noisy noisy;
    std::printf("once\n");
    Process returns = by_fork.process([] { std::printf("copy\n"); });
    Process exits = by_fork.process([] {
      std::printf("exits\n");
      std::exit(5);
    });
    const int first = run(returns);
    const int second = run(exits);
    return first * 10 + second;
  });
  EXPECT_EQ(run(original), 5);
  EXPECT_EQ(captured.text(), "once\ncopy\nexits\ndestroyed in the original\n");
}

TEST(Fork, ItsWorldIsThatOfAChild) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, &before);
  Process process =
      by_fork.process({.environment = {{"FOREBAY_TEST_SET", "yes"}}, .working_directory = "/proc"}, [] {
        struct sigaction action {};
        ::sigaction(SIGUSR1, nullptr, &action);
        sigset_t mask;
        ::sigprocmask(SIG_SETMASK, nullptr, &mask);
        const bool as_documented = action.sa_handler == SIG_DFL && ::sigismember(&mask, SIGTERM) == 0 &&
                                   ::getpgid(0) == ::getpid() && std::getenv("FOREBAY_TEST_SET") != nullptr &&
                                   std::filesystem::current_path() == "/proc" && std::getchar() == EOF;
        return as_documented ? 0 : 1;
      });
  const int code = run(process);
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(code, 0);
}

std::string refusal(Process process) {
  try {
    process.start();
  } catch (const Error& error) {
    return error.code() == ErrorCode::usage ? error.what() : "another error";
  }
  process.join();
  return "started";
}

TEST(Fork, AProcessWithOtherThreadsIsRefused) {
  std::jthread other([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  });
  EXPECT_THAT(refusal(by_fork.process([] {})), HasSubstr("1 more threads"));
  other = {};
  Process process = by_fork.process([] { return 3; });
  EXPECT_EQ(run(process), 3);
}

TEST(Fork, AProcessWithTheDriverIsRefused) {
  // A library of that name is what counts, so a small file that is mapped does.
  const Folder folder;
  const std::string path = folder.path() / "libcuda.so.1";
  std::ofstream(path) << std::string(4096, 'x');
  {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    void* const mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    EXPECT_THAT(refusal(by_fork.process([] {})), HasSubstr("libcuda.so"));
    ::munmap(mapped, 4096);
  }
  Process process = by_fork.process([] {});
  EXPECT_EQ(run(process), 0);
}

TEST(Fork, AnExceptionArrivesAsFromAnyOther) {
  Captured captured(STDERR_FILENO);
  Process process = by_fork.process([] { throw std::invalid_argument("forked"); });
  EXPECT_EQ(run(process), 1);
  EXPECT_THROW(std::rethrow_exception(process.exception()), std::invalid_argument);
}

TEST(Fork, BesideItsOwnThreadsAtWork) {
  // The keeper starts a guardian again and again while copies are made.
  Process first = by_fork.process([] {});
  EXPECT_EQ(run(first), 0);
  for (int i = 0; i < 10; ++i) {
    const pid_t guardian = detail::Guardian::instance().pid();
    if (guardian > 0) ::kill(guardian, SIGKILL);
    Process process = by_fork.process([] {
      Process child([] { return 6; });
      return run(child);
    });
    EXPECT_EQ(run(process), 6);
  }
}

}  // namespace
}  // namespace forebay
