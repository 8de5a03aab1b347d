// Death at the crash points of a pipe's ends and of a supervisor: the other end hears of it and has whole
// messages, in order; a supervisor's duties go over to another, in the midst of them too.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "host/channel/connection.h"
#include "host/process/crash_point.h"
#include "host/sync/value.h"
#include "tests/crash_host/outcomes.h"
#include "tests/crash_host/shared_world.h"
#include "tests/crash_host/table.h"
#include "tests/process/probe.h"
#include "tests/sync/children.h"

namespace forebay::crash {
namespace {

using probe::Folder;
using sharing::Children;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t large = 12'000;  // ints: five of them fill a pipe's ring
constexpr int broken_message = 7;      // exit codes of children
constexpr std::chrono::milliseconds hears_within{
    2000};  // the promised second, and what a loaded machine adds

/// When the last one heard of the death, on the Clock, which is the same in all processes. A process's end,
/// which a sanitizer makes long, is no part of it.
using Heard = Value<Clock::rep>;
void note_time(const Heard& heard) { heard.store(Clock::now().time_since_epoch().count()); }

/// Every fourth message is a descriptor. `pause`: of the slower end.
void send_messages(Connection end, int pause_us, Heard heard) {
  try {
    for (int i = 0; i < 100'000; ++i) {
      if (i % 4 == 3) {
        end.send(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
      } else {
        end.send(std::vector<int>(large, i));
      }
      if (pause_us != 0) pause_for(std::chrono::microseconds(pause_us));
    }
  } catch (const ConnectionClosed&) {
    note_time(heard);
  }
}

void receive_messages(Connection end, int pause_us, Heard heard) {
  try {
    for (int i = 0;; ++i) {
      if (i % 4 == 3) {
        if (::fcntl(end.recv<UniqueFd>().get(), F_GETFD) < 0) std::exit(broken_message);
      } else if (end.recv<std::vector<int>>() != std::vector<int>(large, i)) {
        std::exit(broken_message);
      }
      if (pause_us != 0) pause_for(std::chrono::microseconds(pause_us));
    }
  } catch (const ConnectionClosed&) {
    note_time(heard);
  }
}

/// Receives from one side and sends to another, in threads of its own.
void relay(Connection from, Connection to) {
  try {
    for (int i = 0;; ++i) {
      if (i % 4 == 3) {
        to.send(from.recv<UniqueFd>());
      } else {
        to.send(from.recv<std::vector<int>>());
      }
    }
  } catch (const ConnectionClosed&) {
  }
}

/// Sends and closes.
void close_after_some(Connection end) {
  for (int i = 0; i < 3; ++i) end.send(std::vector<int>(large, i));
  end.close();
}

struct End {
  const char* point;
  const char* role;
  bool once = false;  // comes there no third time
};
constexpr End ends[] = {
    {"pipe.descriptors.sent", "sender"},
    {"pipe.written", "sender"},
    {"pipe.wake.due", "sender"},
    {"pipe.wake.due", "receiver"},
    {"pipe.read", "receiver"},
    {"pipe.sleep", "eager receiver"},
    {"pipe.full.sleep", "eager sender"},
    {"pipe.closing", "closer", true},
    {"pipe.descriptors.sent", "relay"},
    {"pipe.written", "relay"},
    {"pipe.wake.due", "relay"},
    {"pipe.read", "relay"},
    {"pipe.sleep", "relay"},
};

/// The process that dies is the one that is started between the two calls.
class Plan {
 public:
  Plan(const char* point, unsigned visit) : token_(std::string(folder_.path()) + "/token") {
    touch(token_);
    plan_ = std::string(point) + ":" + std::to_string(visit) + ":" + token_;
  }
  void begin() const { ::setenv("FOREBAY_CRASH_POINT", plan_.c_str(), 1); }
  static void end() { ::unsetenv("FOREBAY_CRASH_POINT"); }
  [[nodiscard]] bool died() const { return !std::filesystem::exists(token_); }

 private:
  Folder folder_;
  std::string token_;
  std::string plan_;
};

bool play(const End& end, unsigned visit, const std::string& where) {
  const std::string_view role = end.role;
  const Plan plan(end.point, visit);
  const Heard heard;
  Children others;
  std::optional<Process> victim;
  const auto start = [&](auto&& process) {
    plan.begin();
    victim = std::forward<decltype(process)>(process);
    victim->start();
    Plan::end();
  };
  {
    auto [first, second] = forebay::pipe();
    // The slower end makes the faster one sleep, so that it has to be woken.
    if (role == "sender") {
      others.start(receive_messages, std::move(first), 0, heard);
      start(Process(send_messages, std::move(second), 500, heard));
    } else if (role == "receiver") {
      others.start(send_messages, std::move(first), 0, heard);
      start(Process(receive_messages, std::move(second), 500, heard));
    } else if (role == "eager receiver") {
      others.start(send_messages, std::move(first), 500, heard);
      start(Process(receive_messages, std::move(second), 0, heard));
    } else if (role == "eager sender") {
      others.start(receive_messages, std::move(first), 500, heard);
      start(Process(send_messages, std::move(second), 0, heard));
    } else if (role == "closer") {
      others.start(receive_messages, std::move(first), 0, heard);
      start(Process(close_after_some, std::move(second)));
    } else {
      auto [third, fourth] = forebay::pipe();
      others.start(send_messages, std::move(first), 500, heard);
      others.start(receive_messages, std::move(fourth), 0, heard);
      start(Process(relay, std::move(second), std::move(third)));
    }
  }
  EXPECT_TRUE(victim->join(patience)) << where << ": not reached";
  EXPECT_TRUE(plan.died()) << where << ": not reached";
  const auto begin = Clock::now();
  others.expect_good_ends();
  EXPECT_NE(heard.load(), 0) << where << ": does not hear of it";
  EXPECT_LT(Clock::time_point(Clock::duration(heard.load())) - begin, hears_within)
      << where << ": hears of it late";
  return plan.died();
}

TEST(SharedCrashPoints, EveryNameOfAPipeBelongsToARole) {
  for (const std::string_view name : shared_crash_point_names) {
    const bool known =
        std::any_of(std::begin(ends), std::end(ends), [name](const End& end) { return name == end.point; });
    EXPECT_TRUE(known || !name.starts_with("pipe.")) << name << " is killed at by no test";
  }
}

TEST(SharedCrashPoints, ThePeersOfAPipesEndThatDiesAtAnyHearOfIt) {
  World warm_up(1, 1, 1);  // this process looks for a crash point of its own now, and finds none
  Table table("pipe end dies at");
  for (const End& end : ends) {
    for (const unsigned visit : {1U, 3U}) {
      if (end.once && visit > 1) continue;
      const std::string where = std::string(end.point) + ", " + end.role + ", visit " + std::to_string(visit);
      const bool died = play(end, visit, where);
      table.add(end.point, end.role, died, !::testing::Test::HasFailure());
    }
  }
  table.print(FOREBAY_REPORTS);
}

/// Makes a world, so it is its supervisor, gives it to others and is killed while it has a lock and a
/// message.
void maker(Connection first, Connection second) {
  World world(1000, 3, 3);
  world.put_one();
  world.put_one();
  const auto taken = world.queue.take();
  world.lock.lock();
  first.send(world);
  second.send(world);
  Event never;
  never.wait(patience);
}

/// Goes on with the world of a dead maker.
int heir(Connection from_maker, Connection to_test) {
  auto world = from_maker.recv<World>();
  to_test.send(1);
  const auto begin = Clock::now();
  for (int i = 0; i < 3; ++i) {
    world.use_lock();
    world.use_semaphore();
  }
  // Both messages come again or still: to one of the heirs, whoever is quicker.
  const auto had = [&world](std::size_t id) {
    return std::atomic_ref<std::uint8_t>(world.got[id]).load() != 0;
  };
  while ((!had(0) || !had(1)) && Clock::now() - begin < patience) {
    static_cast<void>(world.get_one(std::chrono::milliseconds(20)));
  }
  const bool in_time = Clock::now() - begin < 2 * hears_within;
  to_test.send(in_time && world.torn.load() == 0 ? world.owner_died.load() : -1);
  world.stop.wait(patience);
  return 0;
}

/// Both heirs may take over; only one of them may die of it.
bool play_succession(const char* point, const std::string& where) {
  const Plan plan(point, 1);
  auto [maker_a, a_maker] = forebay::pipe();
  auto [maker_b, b_maker] = forebay::pipe();
  auto [test_a, a_test] = forebay::pipe();
  auto [test_b, b_test] = forebay::pipe();
  Children children;
  Process& dead = children.start(maker, std::move(maker_a), std::move(maker_b));
  Process& plain = children.start(heir, std::move(a_maker), std::move(a_test));
  plan.begin();
  Process& armed = children.start(heir, std::move(b_maker), std::move(b_test));
  Plan::end();
  EXPECT_EQ(test_a.recv<int>(), 1);
  EXPECT_EQ(test_b.recv<int>(), 1);
  const auto begin = Clock::now();
  dead.kill();
  EXPECT_TRUE(test_a.poll(patience)) << where;
  // Told to one; where the armed one was told and died with the lock, to this one again.
  const int told = test_a.recv<int>();
  EXPECT_TRUE(told == 1 || (plan.died() && told == 2)) << where << ": owner_died told " << told << " times";
  EXPECT_LT(Clock::now() - begin, 3 * hears_within) << where;
  plain.kill();
  armed.kill();
  return plan.died();
}

TEST(SharedCrashPoints, ASupervisorThatDiesAtAnyHasASuccessor) {
  Table table("supervisor dies at");
  for (const char* point : {"context.took_over", "context.recovered"}) {
    unsigned reached = 0;
    // Which heir is quicker is chance, so several are played, until each was it.
    for (unsigned i = 0; i < 40 && reached < 2; ++i) {
      const bool died = play_succession(point, std::string(point) + ", game " + std::to_string(i));
      reached += died ? 1 : 0;
      table.add(point, "heir", died, !::testing::Test::HasFailure());
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_GE(reached, 1U) << point << " is never reached";
  }
  table.print(FOREBAY_REPORTS);
}

}  // namespace
}  // namespace forebay::crash
