// Death at every crash point of what processes share, in each role, with one and with two others: these go on
// within a second, a broken lock is told to one, nothing is lost or there twice, nobody is left behind.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "host/process/crash_point.h"
#include "tests/crash_host/family.h"
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

constexpr std::uint32_t message_ids = 20'000;
constexpr std::chrono::milliseconds goes_on_within{
    2000};  // the promised second, and what a loaded machine adds
constexpr int full_rounds = 3;

/// Every role does rounds of its work until it is told to stop.
using Role = void (*)(World world, std::uint32_t me);

template <typename Work>
void until_stopped(World& world, std::uint32_t me, Work work) {
  world.there.fetch_add(1);
  while (!world.stop.is_set()) {
    work();
    world.round_done(me);
  }
}

void lock_holder(World world, std::uint32_t me) {
  until_stopped(world, me, [&] { world.use_lock(); });
}
void semaphore_user(World world, std::uint32_t me) {
  until_stopped(world, me, [&] { world.use_semaphore(); });
}
void producer(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    world.put_one();
    pause_for(200us);
  });
}
void consumer(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    while (!world.get_one(100ms) && !world.stop.is_set()) {
    }
  });
}
void note_death(World& world) {
  if (world.condition.lock().owner_died()) world.owner_died.fetch_add(1);
}
void waiter(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    world.condition.lock().lock();
    note_death(world);
    while (world.tickets.load() == 0 && !world.stop.is_set()) {
      world.condition.wait(5s);
      note_death(world);
    }
    if (world.tickets.load() > 0) world.tickets.fetch_add(-1);
    world.condition.lock().unlock();
  });
}
void notify_one(World& world) {
  world.condition.lock().lock();
  note_death(world);
  world.tickets.fetch_add(1);
  world.condition.notify();
  world.condition.lock().unlock();
}
void notifier(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    notify_one(world);
    pause_for(500us);
  });
}
void event_setter(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    world.event.clear();
    pause_for(20ms);  // the others sleep by now
    world.event.set();
  });
}
void event_waiter(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    if (!world.event.wait(15s)) throw std::runtime_error("the event does not come");
    pause_for(1ms);
  });
}
void party(World world, std::uint32_t me) {
  until_stopped(world, me, [&] {
    try {
      world.barrier.wait(15s);
    } catch (const BrokenBarrier&) {
      while (world.barrier.broken() && !world.stop.is_set()) pause_for(1ms);
    }
  });
}

/// Who dies where, who the others are, and what the test itself does for those that miss the dead one.
struct Scene {
  const char* point;
  const char* name;
  Role victim;
  std::vector<Role> others;  // the first n of them
  void (*stand_in)(World& world);
  bool holds_a_lock = false;  // when it dies
};

void nothing(World& /*world*/) {}
void take_one(World& world) { static_cast<void>(world.get_one(1ms)); }
void put_if_room(World& world) {
  if (!world.queue.full()) world.put_one();
}
void be_a_party(World& world) {
  if (world.barrier.broken()) world.barrier.reset();
  try {
    world.barrier.wait(1s);  // a round whose parties come late to their cores is one all the same
  } catch (const BrokenBarrier&) {
  }
}

const std::vector<Scene>& scenes() {
  static const std::vector<Scene> all{
      {"context.joined", "newcomer", lock_holder, {lock_holder, lock_holder}, nothing},
      {"context.announced", "newcomer", lock_holder, {lock_holder, lock_holder}, nothing},
      {"lock.taken", "holder", lock_holder, {lock_holder, lock_holder}, nothing, true},
      {"lock.unlocking", "holder", lock_holder, {lock_holder, lock_holder}, nothing, true},
      {"semaphore.taken", "user", semaphore_user, {semaphore_user, semaphore_user}, nothing},
      {"semaphore.given", "user", semaphore_user, {semaphore_user, semaphore_user}, nothing},
      {"condition.waiting", "waiter", waiter, {waiter, waiter}, notify_one, true},
      {"condition.awake", "waiter", waiter, {waiter, waiter}, notify_one, true},
      {"condition.notified", "notifier", notifier, {waiter, waiter}, notify_one, true},
      {"event.set", "setter", event_setter, {event_waiter, event_waiter}, nothing},
      {"barrier.arrived", "party", party, {party, party}, be_a_party},
      {"barrier.tripping", "party", party, {party, party}, be_a_party},
      {"queue.reserved", "producer", producer, {consumer, producer}, put_if_room},
      {"queue.written", "producer", producer, {consumer, producer}, put_if_room},
      {"queue.committed", "producer", producer, {consumer, producer}, put_if_room},
      {"queue.taken", "consumer", consumer, {producer, consumer}, take_one},
      {"queue.read", "consumer", consumer, {producer, consumer}, take_one},
      {"queue.released", "consumer", consumer, {producer, consumer}, take_one},
  };
  return all;
}

/// Whether the condition came true in time; `meanwhile` is done again and again.
bool comes(std::chrono::milliseconds time, const std::function<bool()>& condition,
           const std::function<void()>& meanwhile) {
  const auto deadline = Clock::now() + time;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    meanwhile();
    pause_for(1ms);
  }
  return true;
}

class Play {
 public:
  Play(const Scene& scene, std::uint32_t others, unsigned visit)
      : scene_(scene),
        others_(others),
        world_(message_ids, others + 1, others + 1),
        where_(std::string(scene.point) + ", " + scene.name + ", " + std::to_string(others + 1) +
               " processes, visit " + std::to_string(visit)),
        token_(std::string(folder_.path()) + "/token") {
    touch(token_);
    plan_ = std::string(scene.point) + ":" + std::to_string(visit) + ":" + token_;
  }

  /// Whether the victim died where it should.
  bool run() {
    for (std::uint32_t i = 0; i < others_; ++i) children_.start(scene_.others[i], world_, i);
    const int all = static_cast<int>(others_);
    EXPECT_TRUE(comes(
        patience, [&] { return world_.there.load() >= all; }, [] {}))
        << where_;
    ::setenv("FOREBAY_CRASH_POINT", plan_.c_str(), 1);
    Process victim(scene_.victim, world_, others_);
    victim.start();
    ::unsetenv("FOREBAY_CRASH_POINT");
    // A stand-in would spoil the victim's part, but where the test notifies: it is one more of many.
    const bool needs_notifier = scene_.victim == waiter;
    const bool ended = comes(
        patience, [&] { return !victim.is_alive(); }, [&] { needs_notifier ? notify_one(world_) : void(); });
    const bool died = ended && !std::filesystem::exists(token_);
    EXPECT_TRUE(died) << where_ << ": not reached";
    if (!ended) victim.kill();
    victim.join();
    EXPECT_TRUE(!died || victim.exit_code() == -9) << where_;
    others_go_on();
    end();
    return died;
  }

 private:
  void others_go_on() {
    std::vector<int> before;
    for (std::uint32_t i = 0; i < others_; ++i) before.push_back(world_.rounds_of(i));
    const auto all_did = [&] {
      for (std::uint32_t i = 0; i < others_; ++i) {
        if (world_.rounds_of(i) < before[i] + full_rounds) return false;
      }
      return true;
    };
    EXPECT_TRUE(comes(goes_on_within, all_did, [&] { scene_.stand_in(world_); })) << where_ << ": hangs";
  }
  void end() {
    world_.stop.set();
    world_.barrier.abort();
    world_.condition.lock().lock();
    note_death(world_);
    world_.condition.notify_all();
    world_.condition.lock().unlock();
    children_.expect_good_ends();
    world_.use_lock();
    while (world_.get_one(50ms)) {
    }
    EXPECT_EQ(world_.torn.load(), 0) << where_;
    EXPECT_EQ(world_.owner_died.load(), scene_.holds_a_lock ? 1 : 0) << where_ << ": told to so many";
    const auto permits = [&] { return world_.semaphore.get_value() == 2; };
    EXPECT_TRUE(comes(goes_on_within, permits, [] {})) << where_ << ": a permit is lost";
    EXPECT_EQ(world_.wrong_messages(1), "") << where_;
    EXPECT_EQ(world_.queue.qsize(), 0U) << where_;
  }

  const Scene& scene_;
  std::uint32_t others_;
  Folder folder_;
  World world_;
  Children children_;
  std::string where_;
  std::string token_;
  std::string plan_;
};

TEST(SharedCrashPoints, EveryNameBelongsToARole) {
  std::set<std::string_view> known{"context.took_over",
                                   "context.recovered"};  // of a supervisor: shared_ends_test.cpp
  for (const Scene& scene : scenes()) known.insert(scene.point);
  for (const std::string_view name : shared_crash_point_names) {
    // Those of a pipe: shared_ends_test.cpp.
    EXPECT_TRUE(known.contains(name) || name.starts_with("pipe.")) << name << " is killed at by no test";
  }
}

TEST(SharedCrashPoints, WhoDiesAtAnyStopsNobody) {
  World warm_up(1, 1, 1);  // this process looks for a crash point of its own now, and finds none
  Table table("shared dies at");
  for (const Scene& scene : scenes()) {
    for (const std::uint32_t others : {1U, 2U}) {
      for (const unsigned visit : {1U, 3U}) {
        const bool first_only = std::string_view(scene.point).starts_with("context.");
        if (first_only && visit > 1) continue;
        const bool died = Play(scene, others, visit).run();
        table.add(scene.point, std::to_string(others + 1) + " processes", died,
                  !::testing::Test::HasFailure());
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
  EXPECT_TRUE(living_children().size() <= 1) << "only the guardian is left";
  table.print(FOREBAY_REPORTS);
}

}  // namespace
}  // namespace forebay::crash
