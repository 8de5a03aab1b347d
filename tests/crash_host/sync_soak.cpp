// Kills random processes that share a queue, a lock, a semaphore, a condition, an event and a barrier, at
// random moments, and reports what came of it.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "host/process/init.h"
#include "host/process/process.h"
#include "host/process/system_file.h"
#include "tests/crash_host/resources.h"
#include "tests/crash_host/shared_world.h"

namespace forebay::crash {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint32_t workers = 4;
constexpr std::uint32_t message_ids = 64'000'000;
constexpr std::chrono::seconds stuck_after{20};  // far above what anything takes on a loaded machine
constexpr int usage_error = 2;
constexpr std::uint64_t descriptors_of_a_world = 8;  // of the memory that its notes of messages lie in

constexpr std::string_view usage =
    "usage: crash_sync_soak [--kills N] [--seed N] [--help]\n"
    "Kills N (10,000) random processes that share a queue, a lock, a semaphore, a condition, an event and a\n"
    "barrier. Exit: 0 where nothing was lost, stuck or left; 1 otherwise; 2 for a wrong call.\n";

void use_barrier(World& world) {
  try {
    world.barrier.wait(1ms);
  } catch (const BrokenBarrier&) {
    world.barrier.reset();
  }
}

/// Leaves a ticket, or waits a moment for one.
void use_condition(World& world, bool leave) {
  auto& lock = world.condition.lock();
  if (!lock.try_lock_for(stuck_after)) throw std::runtime_error("the condition's lock does not come");
  if (leave) {
    world.tickets.fetch_add(1);
    world.condition.notify();
  } else if (world.tickets.load() != 0 || world.condition.wait(1ms)) {
    if (world.tickets.load() > 0) world.tickets.fetch_add(-1);
  }
  lock.unlock();
}

/// Mostly not at all; else long enough that many are killed meanwhile.
std::chrono::microseconds held(std::mt19937_64& random) {
  return std::chrono::microseconds(random() % 4 == 0 ? random() % 300 : 0);
}

/// A bit of everything, in a random order, until it is told to stop. Only the queue's messages must be even.
void work(World world, std::uint32_t me, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uint32_t to_get = 0;
  while (!world.stop.is_set()) {
    switch (random() % 8) {
      case 0: use_barrier(world); break;
      case 1: world.use_semaphore(); break;
      case 2: use_condition(world, me % 2 == 0); break;
      case 3:
        world.event.set();
        if (!world.event.wait(stuck_after)) throw std::runtime_error("the event does not come");
        break;
      case 4:
      case 5:
        // Not more than a queue has room for: all could be producers now.
        if (to_get == 0 && !world.queue.full()) {
          world.put_one();
          ++to_get;
        } else if (world.get_one(1ms, held(random)) && to_get > 0) {
          --to_get;
        }
        break;
      default: world.use_lock(held(random)); break;
    }
    world.round_done(me);
  }
}

struct Place {
  std::optional<Process> process;
  int rounds = 0;  // when it was last seen to go on
  Clock::time_point since;
};

struct Report {
  std::uint64_t kills = 0;
  std::uint64_t stopped = 0;
  std::string wrong;
  Clock::duration longest_pause{0};  // of a process that lives, without a round
};

class Soak {
 public:
  explicit Soak(std::uint64_t seed) : random_(seed), world_(message_ids, workers, 2) {}

  void run(std::uint64_t kills, Report& report) {
    for (std::uint32_t i = 0; i < workers; ++i) start(i);
    while (report.kills < kills && report.wrong.empty()) {
      pause_for(std::chrono::microseconds(random_() % 6000));
      take_one();
      look(report);
      kill_one(report);
    }
    stop(report);
  }
  [[nodiscard]] std::string text() const {
    std::uint64_t got = 0;
    std::uint64_t again = 0;
    std::uint64_t put = 0;
    for (std::uint32_t id = 0; id < world_.next_message.load(); ++id) {
      put += world_.put[id];
      got += world_.got[id] != 0 ? 1U : 0U;
      again += world_.said[id];
    }
    return fmt::format(
        "queue: {} messages put, {} received, {} times again and said so\n"
        "lock: {} holders that died, each told to one next holder\n",
        put, got, again, world_.owner_died.load());
  }

 private:
  void start(std::uint32_t i) {
    places_[i].process.emplace(&work, world_, i, random_());
    places_[i].process->start();
    places_[i].rounds = world_.rounds_of(i);
    places_[i].since = Clock::now();
  }
  /// Were all killed with a message of theirs in a full queue, nobody would take the first.
  void take_one() {
    if (world_.queue.full()) static_cast<void>(world_.get_one(0ms));
  }
  void look(Report& report) {
    for (std::uint32_t i = 0; i < workers; ++i) {
      Place& place = places_[i];
      const int rounds = world_.rounds_of(i);
      if (!place.process->is_alive()) {
        report.wrong += fmt::format("process {} ended with {}; ", i, place.process->exit_code().value_or(0));
      }
      report.longest_pause = std::max(report.longest_pause, Clock::now() - place.since);
      if (rounds == place.rounds && Clock::now() - place.since > stuck_after) {
        report.wrong += fmt::format("process {} is stuck; ", i);
      }
      if (rounds != place.rounds) place.since = Clock::now();
      place.rounds = rounds;
    }
  }
  void kill_one(Report& report) {
    const auto i = static_cast<std::uint32_t>(random_() % workers);
    Process& victim = *places_[i].process;
    if (!victim.is_alive() || world_.rounds_of(i) == 0) return;
    if (random_() % 8 == 0) {
      ::kill(*victim.pid(), SIGSTOP);
      ++report.stopped;
      pause_for(std::chrono::microseconds(random_() % 3000));
    }
    victim.kill();
    if (!victim.join(stuck_after)) report.wrong += "a killed process does not end; ";
    ++report.kills;
    start(i);
  }
  void stop(Report& report) {
    world_.stop.set();
    const auto deadline = Clock::now() + stuck_after;
    for (Place& place : places_) {
      while (place.process->is_alive() && Clock::now() < deadline) {
        static_cast<void>(world_.get_one(1ms));  // producers that wait for room
      }
      if (place.process->is_alive()) {
        report.wrong += "a process does not stop; ";
        place.process->kill();
      }
      place.process->join();
      if (place.process->exit_code() != 0) report.wrong += "a process did not end well; ";
    }
    for (const auto end = Clock::now() + 2s; Clock::now() < end && world_.semaphore.get_value() != 2;)
      pause_for(1ms);
    while (world_.get_one(50ms)) {
    }
    world_.use_lock();
    report.wrong += world_.wrong_messages(static_cast<std::uint32_t>(report.kills));
    if (static_cast<std::uint64_t>(world_.owner_died.load()) > report.kills)
      report.wrong += "told too often; ";
    if (world_.torn.load() != 0)
      report.wrong += fmt::format("{} broken locks were not told; ", world_.torn.load());
    if (world_.semaphore.get_value() != 2) report.wrong += "permits are lost; ";
    if (world_.queue.qsize() != 0 || world_.queue.full()) report.wrong += "slots are lost; ";
    barrier_works(report);
  }
  void barrier_works(Report& report) {
    world_.barrier.reset();
    std::jthread other([this] { static_cast<void>(world_.barrier.wait(stuck_after)); });
    try {
      static_cast<void>(world_.barrier.wait(stuck_after));
    } catch (const BrokenBarrier&) {
      report.wrong += "the barrier is broken; ";
    }
  }

  std::mt19937_64 random_;
  World world_;
  Place places_[workers];
};

/// Nothing for a value that is no number.
struct Options {
  std::uint64_t kills = 10'000;
  std::uint64_t seed = 1;
};

int refuse(std::string_view what) {
  static_cast<void>(std::fputs(fmt::format("crash_sync_soak: {}\n{}", what, usage).c_str(), stderr));
  return usage_error;
}

int run(const std::vector<std::string_view>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--help") {
      static_cast<void>(std::fputs(std::string(usage).c_str(), stdout));
      return 0;
    }
    std::uint64_t* const value = words[i] == "--kills"  ? &options.kills
                                 : words[i] == "--seed" ? &options.seed
                                                        : nullptr;
    if (value == nullptr) return refuse(fmt::format("unknown option '{}'", words[i]));
    const auto number = i + 1 < words.size() ? parse_number(words[i + 1]) : std::nullopt;
    if (!number || *number < 0) return refuse(fmt::format("{} needs a number", words[i]));
    *value = static_cast<std::uint64_t>(*number);
    ++i;
  }
  Report warm_up;
  Soak(options.seed + 100).run(4, warm_up);
  const Resources before = Resources::now();
  const auto begin = Clock::now();
  Report report;
  auto soak = std::make_unique<Soak>(options.seed);
  soak->run(options.kills, report);
  std::string text = fmt::format(
      "sync soak, seed {}: {} kills ({} stopped before) of {} processes in {:.1f} s\n", options.seed,
      report.kills, report.stopped, workers, std::chrono::duration<double>(Clock::now() - begin).count());
  text += soak->text();
  text += fmt::format("longest pause of a living process: {:.0f} ms, its start included\n",
                      std::chrono::duration<double, std::milli>(report.longest_pause).count());
  soak.reset();
  const Resources after = Resources::now();
  text += "before: " + before.text() + "\nafter:  " + after.text() + "\n";
  // The messages' notes stay mapped, and their two descriptors open, as long as the process lives.
  if (after.children != before.children) report.wrong += "processes are left; ";
  if (after.files > before.files + descriptors_of_a_world) report.wrong += "descriptors are left; ";
  if (after.shared_files != before.shared_files) report.wrong += "files are left; ";
  if (after.threads != before.threads) report.wrong += "threads are left; ";
  text += report.wrong.empty() ? "good: nothing lost, stuck, twice or left\n" : "BAD: " + report.wrong + "\n";
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return report.wrong.empty() ? 0 : 1;
}

}  // namespace
}  // namespace forebay::crash

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  return forebay::crash::run({argv + 1, argv + argc});
}
