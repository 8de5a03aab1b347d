// What a child finds when it starts: the documented set, whatever its parent has done to itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "host/error.h"
#include "host/process/child.h"
#include "host/process/init.h"
#include "host/process/spawn_note.h"
#include "host/process/system_file.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using namespace probe;

const SpawnOptions options{"forebay: test child", "forebay-test"};

/// One line "<key>: <hex>" of /proc/self/status.
std::uint64_t mask(const std::string& status, const std::string& key) {
  const std::size_t at = status.find(key + ":");
  return at == std::string::npos ? ~std::uint64_t{0}
                                 : std::stoull(status.substr(at + key.size() + 1), nullptr, 16);
}

std::uint64_t bit(int signal) { return std::uint64_t{1} << static_cast<unsigned>(signal - 1); }

int report_files(Channel channel) {
  tell(channel, Note::of(open_files()));
  return 0;
}

/// "0:/dev/null", "3:socket" …: the number and what kind of thing it is.
void expect_standard_files(const std::string& files, const std::string& what) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < files.size();) {
    const std::size_t end = files.find('\n', begin);
    lines.push_back(files.substr(begin, end - begin));
    begin = end + 1;
  }
  ASSERT_EQ(lines.size(), 4U) << what << ":\n" << files;
  EXPECT_EQ(lines[0], "0:/dev/null") << what;
  EXPECT_TRUE(lines[1].starts_with("1:")) << what << files;
  EXPECT_TRUE(lines[2].starts_with("2:")) << what << files;
  EXPECT_TRUE(lines[3].starts_with("3:socket:")) << what << files;
}

TEST(ChildWorld, DescriptorsAreTheStandardOnesAndTheChannel) {
  std::vector<UniqueFd> inheritable;
  for (int i = 0; i < 40; ++i)
    inheritable.emplace_back(::open("/dev/zero", O_RDONLY));  // NOLINT: no O_CLOEXEC, the point
  inheritable.emplace_back(::fcntl(inheritable.front().get(), F_DUPFD, 900));
  Child child = Child::spawn(&report_files, options);
  expect_standard_files(hear(child.channel()).words(), "many open");
}

TEST(ChildWorld, AParentWithoutStandardStreamsHasChildrenWithDevNull) {
  Child parent = Child::spawn(
      [](Channel channel) {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
        Child child = Child::spawn(&report_files, options);
        tell(channel, hear(child.channel()));
        const auto status = child.wait_until(soon());
        return status && status->known ? status->exit_code : 99;
      },
      options);
  const std::string files = hear(parent.channel()).words();
  expect_standard_files(files, "closed streams");
  EXPECT_TRUE(files.starts_with("0:/dev/null\n1:/dev/null\n2:/dev/null\n3:socket:")) << files;
  EXPECT_EQ(parent.wait_until(soon())->exit_code, 0);
}

TEST(ChildWorld, ACloseOnExecStandardStreamIsInherited) {
  Child parent = Child::spawn(
      [](Channel channel) {
        ::fcntl(STDERR_FILENO, F_SETFD, FD_CLOEXEC);
        Child child = Child::spawn(&report_files, options);
        tell(channel, hear(child.channel()));
        return 0;
      },
      options);
  expect_standard_files(hear(parent.channel()).words(), "close-on-exec");
}

TEST(ChildWorld, TheChannelIsCloseOnExecAgain) {
  Child child = Child::spawn(
      [](Channel channel) {
        return ::fcntl(channel.fd(), F_GETFD) == FD_CLOEXEC && channel.fd() == 3 ? 0 : 1;
      },
      options);
  EXPECT_EQ(child.wait_until(soon())->exit_code, 0);
}

TEST(ChildWorld, SignalsAreAtTheirDefaultsAndUnblocked) {
  sigset_t block;
  sigset_t saved_mask;
  ::sigfillset(&block);
  struct sigaction ignore {};
  struct sigaction handle {};
  struct sigaction saved_pipe {};
  struct sigaction saved_usr2 {};
  ignore.sa_handler = SIG_IGN;
  handle.sa_handler = [](int) {};
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &block, &saved_mask), 0);
  ASSERT_EQ(::sigaction(SIGPIPE, &ignore, &saved_pipe), 0);
  ASSERT_EQ(::sigaction(SIGUSR2, &handle, &saved_usr2), 0);
  Child child = Child::spawn(
      [](Channel channel) {
        tell(channel, Note::of(read_system_file("/proc/self/status")->substr(0, 2000)));
        return 0;
      },
      options);
  const std::string status = hear(child.channel()).words();
  ::sigaction(SIGPIPE, &saved_pipe, nullptr);
  ::sigaction(SIGUSR2, &saved_usr2, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &saved_mask, nullptr);
  EXPECT_EQ(mask(status, "SigBlk"), 0U);
  // glibc keeps 32 and 33 to itself.
  EXPECT_EQ(mask(status, "SigIgn") & ~(bit(32) | bit(33)), 0U);
  EXPECT_EQ(mask(status, "SigCgt") & (bit(SIGUSR2) | bit(SIGPIPE) | bit(SIGINT) | bit(SIGTERM)), 0U);
}

TEST(ChildWorld, TheSpawnersMaskIsRestoredInTheParent) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  static_cast<void>(Child::spawn(&stay, options));
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT_EQ(::sigismember(&before, signal), ::sigismember(&after, signal)) << signal;
  }
}

TEST(ChildWorld, HasItsOwnProcessGroupInTheSameSession) {
  Child child = Child::spawn(&stay, options);
  EXPECT_EQ(::getpgid(child.pid()), child.pid());
  EXPECT_EQ(::getsid(child.pid()), ::getsid(0));
}

TEST(ChildWorld, PsShowsItsRole) {
  Child child = Child::spawn(&echo, {"forebay: worker 3", "forebay-worker"});
  tell(child.channel(), Note::of("up?"));
  ASSERT_EQ(hear(child.channel()).words(), "up?");
  const std::string proc = "/proc/" + std::to_string(child.pid());
  EXPECT_EQ(file_text(proc + "/comm"), "forebay-worker\n");
  EXPECT_EQ(file_text(proc + "/cmdline"), std::string("forebay: worker 3") + '\0');
}

TEST(ChildWorld, WithoutATitleItStillSaysForebay) {
  Child child = Child::spawn(&echo, {});
  tell(child.channel(), Note::of("up?"));
  hear(child.channel());
  EXPECT_TRUE(file_text("/proc/" + std::to_string(child.pid()) + "/cmdline").starts_with("forebay"));
}

TEST(ChildWorld, TheEnvironmentIsTheParentsWithoutTheHandOver) {
  ASSERT_EQ(::setenv("FOREBAY_TEST_VARIABLE", "kept", 1), 0);
  Child child = Child::spawn(
      [](Channel) {
        const char* kept = std::getenv("FOREBAY_TEST_VARIABLE");
        if (kept == nullptr || std::string(kept) != "kept") return 1;
        return std::getenv(spawn_variable) == nullptr ? 0 : 2;
      },
      options);
  ::unsetenv("FOREBAY_TEST_VARIABLE");
  EXPECT_EQ(child.wait_until(soon())->exit_code, 0);
}

TEST(ChildWorld, ItKnowsThatItIsInitialisedAndMaySpawn) {
  Child child = Child::spawn(
      [](Channel) {
        if (!initialised()) return 1;
        Child grandchild = Child::spawn(
            [](Channel) {
              Child great_grandchild = Child::spawn([](Channel) { return 40; }, options);
              return great_grandchild.wait_until(soon())->exit_code + 1;
            },
            options);
        return grandchild.wait_until(soon())->exit_code + 1;
      },
      options);
  EXPECT_EQ(child.wait_until(soon())->exit_code, 42);
}

TEST(ChildWorld, DiesWithItsParentBySigkill) {
  Child child = Child::spawn(
      [](Channel) {
        int signal = 0;
        return ::prctl(PR_GET_PDEATHSIG, &signal) == 0 ? signal : 99;
      },
      options);
  EXPECT_EQ(child.wait_until(soon())->exit_code, SIGKILL);
}

}  // namespace
}  // namespace forebay
