// Death of a forkserver or a guardian at every of its steps: what it helps goes on, and nobody is left
// behind.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "host/process/child.h"
#include "host/process/context.h"
#include "host/process/helper_step.h"
#include "host/process/process.h"
#include "tests/crash_host/family.h"
#include "tests/crash_host/outcomes.h"
#include "tests/process/probe.h"

namespace forebay::crash {
namespace {

using probe::Folder;

constexpr std::chrono::milliseconds gone_by{2000};  // the promise for what a dead parent leaves

void count_and_end(const UniqueFd& count) {
  const std::uint64_t one = 1;
  if (::write(count.get(), &one, sizeof(one)) != sizeof(one)) throw std::runtime_error("cannot count");
}

/// Starts four copies, one after the other. 0: every start ran its function once, and no start but one
/// failed.
int use_forkserver(Channel channel) {
  static_cast<void>(channel);
  const UniqueFd count(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const Context forkserver(StartMethod::forkserver);
  std::uint64_t started = 0;
  unsigned refused = 0;
  while (started < 4 && refused < 2) {
    Process process = forkserver.process(&count_and_end, count);
    try {
      process.start();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::spawn) return 3;
      ++refused;
      continue;
    }
    ++started;
    if (!process.join(patience) || process.exit_code() != 0) return 4;
  }
  std::uint64_t ran = 0;
  if (::read(count.get(), &ran, sizeof(ran)) != sizeof(ran)) return 5;
  return started == 4 && ran == started ? 0 : 6;
}

/// Blocks all that can be blocked, says that it is there, and waits to be killed.
void be_deaf(const UniqueFd& ready) {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  count_and_end(ready);
  while (true) ::pause();
}

void be_deaf_with_a_child(const UniqueFd& ready) {
  Process grandchild(&be_deaf, ready);
  grandchild.start();
  be_deaf(ready);
}

struct Generations {
  std::uint32_t deep = 1;
};

void end_at_once() {}

/// Has had a child that ended; then has one that lives, and in the deep tree a grandchild. Tells when all are
/// there, and waits to be killed.
int have_company(Channel channel) {
  const auto received = std::make_unique<Received>();
  if (channel.receive_until(*received, probe::soon()) != ReceiveResult::received) return 3;
  const bool deep = received->as<Generations>().value().deep > 1;
  Process short_lived(&end_at_once);
  short_lived.start();
  if (!short_lived.join(patience)) return 4;
  const UniqueFd ready(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));
  Process company = deep ? Process(&be_deaf_with_a_child, ready) : Process(&be_deaf, ready);
  company.start();
  std::uint64_t one = 0;
  for (int i = 0; i < (deep ? 2 : 1); ++i) {
    if (::read(ready.get(), &one, sizeof(one)) != sizeof(one)) return 5;
  }
  static_cast<void>(channel.try_send(Generations{}));
  while (true) ::pause();
}

Child start_at(std::string_view step, ChildMain main, const std::string& token) {
  touch(token);
  SpawnOptions options{"forebay: test parent", "forebay-test"};
  options.environment["FOREBAY_CRASH_POINT"] = std::string(step) + ":1:" + token;
  return Child::spawn(main, options);
}

TEST(HelperSteps, EveryNameBelongsToAHelper) {
  for (const std::string_view step : detail::helper_step_names)
    EXPECT_TRUE(step.starts_with("forkserver.") || step.starts_with("guardian.")) << step;
}

TEST(HelperSteps, AForkserverThatDiesAtAnyCostsAtMostAStartThatSaysSo) {
  adopt_orphans();
  for (const std::string_view step : detail::helper_step_names) {
    if (!step.starts_with("forkserver.")) continue;
    const Folder folder;
    const std::string token = folder.path() / "token";
    Child root = start_at(step, &use_forkserver, token);
    const auto status = root.wait_until(probe::soon() + patience);
    ASSERT_TRUE(status) << step << ": hangs";
    EXPECT_EQ(describe(*status), "exit code 0") << step;
    EXPECT_FALSE(std::filesystem::exists(token)) << step << " is never reached";
    std::string left;
    wait_for_no_children(gone_by, left);
    EXPECT_EQ(left, "") << step << ": left behind";
  }
}

TEST(HelperSteps, AGuardianThatDiesAtAnyLeavesNobodyWhenItsRootIsKilled) {
  adopt_orphans();
  for (const std::string_view step : detail::helper_step_names) {
    if (!step.starts_with("guardian.")) continue;
    for (const std::uint32_t deep : {1U, 2U}) {
      const std::string where = std::string(step) + ", " + std::to_string(deep + 1) + " processes";
      const Folder folder;
      const std::string token = folder.path() / "token";
      Child root = start_at(step, &have_company, token);
      Generations setup;
      setup.deep = deep;
      ASSERT_EQ(root.channel().try_send(setup), SendResult::sent);
      const auto received = std::make_unique<Received>();
      ASSERT_EQ(root.channel().receive_until(*received, probe::soon() + patience), ReceiveResult::received)
          << where << ": hangs";
      ASSERT_EQ(::kill(root.pid(), SIGKILL), 0);
      ASSERT_TRUE(root.wait_until(probe::soon() + patience)) << where;
      std::string left;
      wait_for_no_children(gone_by, left);
      EXPECT_EQ(left, "") << where << ": left behind";
      EXPECT_FALSE(std::filesystem::exists(token)) << where << " is never reached";
    }
  }
}

}  // namespace
}  // namespace forebay::crash
