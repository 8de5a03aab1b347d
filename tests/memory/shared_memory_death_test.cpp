// Who unlinks a named block when its users end, in order or not.
#include <sys/eventfd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "host/process/guardian.h"
#include "host/process/start_child.h"
#include "tests/memory/blocks.h"
#include "tests/process/successor.h"

namespace forebay {
namespace {

using namespace probe;

/// A program of its own: this test's guardian does not know it.
Child program(ChildMain main) { return Child::spawn(main, {"forebay: test root", "test-root"}); }

/// Makes the block that it is told of, and stays.
int maker(Channel channel) {
  const SharedMemory block = SharedMemory::create(hear(channel).words(), 100);
  tell(channel, Note::of("guardian", detail::Guardian::instance().pid()));
  return stay_and_tell_successors(std::move(channel));
}

/// Has a child make it; the child ends in order, and it stays itself.
int maker_of_a_maker(Channel channel) {
  Process child([](const std::string& name) { static_cast<void>(SharedMemory::create(name, 100)); },
                hear(channel).words());
  if (run(child) != 0) return 1;
  tell(channel, Note::of("made"));
  return stay(std::move(channel));
}

int attacher(Channel channel) {
  const SharedMemory block = SharedMemory::attach(hear(channel).words());
  tell(channel, Note::of("attached", static_cast<std::int64_t>(block.size())));
  return stay(std::move(channel));
}

/// In this test's own tree.
void make_and_stay(const std::string& name, const UniqueFd& ready) {
  const SharedMemory block = SharedMemory::create(name, 100);
  sleep_until_killed(ready);
}

class Ready {
 public:
  [[nodiscard]] UniqueFd copy() const { return UniqueFd(::fcntl(event_.get(), F_DUPFD_CLOEXEC, 3)); }
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  UniqueFd event_{::eventfd(0, EFD_CLOEXEC)};
};

void kill_and_join(Process& process) {
  process.kill();
  EXPECT_EQ(joined(process), -SIGKILL);
}

TEST(M6, WhatATerminalSendsDoesNotEndWhoUnlinks) {
  Child root = program(&maker);
  tell(root.channel(), Note::of(test_name("m6")));
  const auto guardian = static_cast<pid_t>(hear(root.channel()).number);
  const Watched watched(guardian);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ASSERT_EQ(::kill(guardian, signal), 0);
  EXPECT_FALSE(watched.ends_within(50ms));
  EXPECT_TRUE(is_there(test_name("m6")));
  root.signal(SIGKILL);
  EXPECT_TRUE(goes_away(test_name("m6")));
  EXPECT_TRUE(watched.ends_within(2000ms));
}

TEST(M7, AKilledProgramLeavesNoBlock) {
  Child root = program(&maker);
  tell(root.channel(), Note::of(test_name("killed")));
  hear(root.channel());
  ASSERT_TRUE(is_there(test_name("killed")));
  root.signal(SIGKILL);
  EXPECT_TRUE(goes_away(test_name("killed")));
}

TEST(M7, NorDoesOneThatEndsInOrder) {
  Child root = program(&maker_of_a_maker);
  tell(root.channel(), Note::of(test_name("order")));
  hear(root.channel());
  EXPECT_TRUE(is_there(test_name("order"))) << "its maker ended in order: it is the program's";
  root = Child{};
  EXPECT_TRUE(goes_away(test_name("order")));
}

TEST(M7, NorDoesAKilledChildThatHasToldNobody) {
  const Ready ready;
  Process child(make_and_stay, test_name("child"), ready.copy());
  child.start();
  await(ready.fd());
  ASSERT_TRUE(is_there(test_name("child")));
  kill_and_join(child);
  EXPECT_TRUE(goes_away(test_name("child")));
}

TEST(M7, WhatAnotherUsesOutlivesItsKilledMaker) {
  const Ready ready;
  Process child(make_and_stay, test_name("used"), ready.copy());
  child.start();
  await(ready.fd());
  const SharedMemory block = SharedMemory::attach(test_name("used"));
  kill_and_join(child);
  EXPECT_FALSE(goes_away(test_name("used"), 100ms));
  block.unlink();
}

TEST(M7, AnotherProgramThatAttachedItUnlinksNothing) {
  const SharedMemory block = SharedMemory::create(test_name("other"), 100);
  for (const bool killed : {false, true}) {
    Child root = program(&attacher);
    tell(root.channel(), Note::of(block.name()));
    EXPECT_EQ(hear(root.channel()).number, 100);
    if (killed) root.signal(SIGKILL);
    root = Child{};
  }
  EXPECT_FALSE(goes_away(block.name(), 100ms));
  block.unlink();
}

TEST(M7, TheSuccessorOfAKilledGuardianKnowsTheBlocks) {
  Child root = program(&maker);
  tell(root.channel(), Note::of(test_name("successor")));
  const auto guardian = static_cast<pid_t>(hear(root.channel()).number);
  const Watched watched(guardian);
  ASSERT_EQ(::kill(guardian, SIGKILL), 0);
  ASSERT_TRUE(watched.ends_within(patience));
  await_successor(root.channel(), guardian);
  EXPECT_TRUE(is_there(test_name("successor")));
  root.signal(SIGKILL);
  EXPECT_TRUE(goes_away(test_name("successor")));
}

TEST(M7, ABlockIsMadeWhileTheGuardianIsReplaced) {
  Child root = program([](Channel channel) {
    static_cast<void>(SharedMemory::create(test_name("first"), 10));
    const pid_t guardian = detail::Guardian::instance().pid();
    ::kill(guardian, SIGKILL);
    static_cast<void>(SharedMemory::create(hear(channel).words(), 10));
    if (successor_of(guardian) == guardian) return 1;  // the promise holds from then on
    tell(channel, Note::of(test_name("first")));
    return stay(std::move(channel));
  });
  tell(root.channel(), Note::of(test_name("second")));
  const std::string first = hear(root.channel()).words();
  EXPECT_TRUE(is_there(first) && is_there(test_name("second")));
  root.signal(SIGKILL);
  EXPECT_TRUE(goes_away(first));
  EXPECT_TRUE(goes_away(test_name("second")));
}

TEST(M7, KilledAtAnyMomentItLeavesNothing) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> microseconds(0, 20'000);
  const std::string prefix = test_name("any");
  for (int i = 0; i < 30; ++i) {
    const Ready ready;
    Process child(
        [](const std::string& name, const UniqueFd& there) {
          signal_event(there.get());
          for (int k = 0;; ++k) {
            const SharedMemory block = SharedMemory::create(name + std::to_string(k), 100);
            if (k % 3 != 0) block.unlink();
          }
        },
        prefix, ready.copy());
    child.start();
    await(ready.fd());
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    kill_and_join(child);
    const auto deadline = std::chrono::steady_clock::now() + 2000ms;
    while (count_blocks(prefix) != 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    ASSERT_EQ(count_blocks(prefix), 0U);
  }
}

TEST(M7, AProgramHasSoManyBlocksAtATimeAndNoMore) {
  std::vector<SharedMemory> blocks;
  const auto make = [&blocks] { blocks.push_back(SharedMemory::create(1)); };
  std::optional<ErrorCode> refused;
  while (!refused && blocks.size() <= limits::named_blocks_max) refused = code_of(make);
  EXPECT_EQ(refused, ErrorCode::environment);
  EXPECT_GE(blocks.size(), limits::named_blocks_max / 2);
  blocks.back().unlink();
  EXPECT_EQ(code_of(make), std::nullopt) << "there is room again";
  blocks.erase(blocks.end() - 2);
  for (const SharedMemory& block : blocks) block.unlink();
  EXPECT_EQ(code_of(make), std::nullopt);
  blocks.back().unlink();
}

TEST(M8, AnUntrackedBlockSurvivesItsProgram) {
  Child root = program([](Channel channel) {
    static_cast<void>(SharedMemory::create(hear(channel).words(), 100, {.tracked = false}));
    tell(channel, Note::of("made"));
    return stay(std::move(channel));
  });
  tell(root.channel(), Note::of(test_name("m8")));
  hear(root.channel());
  root.signal(SIGKILL);
  ASSERT_TRUE(root.wait_until(soon()));
  EXPECT_FALSE(goes_away(test_name("m8"), 100ms));
  SharedMemory::attach(test_name("m8")).unlink();
}

}  // namespace
}  // namespace forebay
