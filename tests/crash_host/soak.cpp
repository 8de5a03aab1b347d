// Kills random workers of a pool and an executor at random moments, then processes that have both, and
// reports what came of it. Exit: 0 where nothing was lost or left, 1 where something was, 2 usage.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/process/child.h"
#include "host/process/init.h"
#include "host/process/start_method.h"
#include "host/process/system_file.h"
#include "tests/crash_host/family.h"
#include "tests/crash_host/soak_killer.h"

namespace forebay::crash {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t workers = 2;
constexpr std::chrono::milliseconds gone_by{2000};  // the promise for what a dead parent leaves

void work_and_kill(std::uint64_t kills, std::uint64_t seed, SoakReport& report) {
  DeathLog log;
  PoolLoad pool(workers, seed + 1);
  ExecutorLoad executor(workers, seed + 2, log);
  pool.start();
  executor.start();
  Killer({&pool, &executor}, log, seed).run(kills, report);
  pool.stop();
  executor.stop();
  report.pool = pool.counts();
  report.executor = executor.counts();
  for (const Load* load : {static_cast<const Load*>(&pool), static_cast<const Load*>(&executor)}) {
    if (!load->stuck().empty()) report.stuck += load->stuck() + "; ";
  }
}

/// How late a thread wakes up that sleeps for a millisecond: what the machine adds to every figure.
class Lateness {
 public:
  explicit Lateness(std::vector<std::chrono::nanoseconds>& samples)
      : thread_([&samples](const std::stop_token& stop) {
          constexpr std::chrono::milliseconds nap{1};
          while (!stop.stop_requested()) {
            const auto begin = Clock::now();
            std::this_thread::sleep_for(nap);
            samples.push_back(Clock::now() - begin - nap);
          }
        }) {}

 private:
  std::jthread thread_;
};

/// A process that has pools and is killed.
template <StartMethod method>
int victim(Channel channel) {
  set_start_method(method);
  DeathLog log;
  PoolLoad pool(workers, 1);
  ExecutorLoad executor(workers, 2, log);
  pool.start();
  executor.start();
  static_cast<void>(channel.try_send(::getpid()));
  const auto received = std::make_unique<Received>();
  static_cast<void>(channel.receive_until(*received, Clock::time_point::max()));
  return 0;
}

void kill_parents(std::uint64_t count, std::uint64_t seed, SoakReport& report) {
  adopt_orphans();
  std::mt19937_64 random(seed + 3);
  const auto received = std::make_unique<Received>();
  for (; report.parents < count; ++report.parents) {
    const ChildMain main = random() % 2 == 0 ? &victim<StartMethod::spawn> : &victim<StartMethod::forkserver>;
    Child parent = Child::spawn(main, {"forebay: soak victim", "forebay-victim"});
    // Half of them while they start their workers, half of them while these work.
    if (random() % 2 == 0)
      static_cast<void>(parent.channel().receive_until(*received, Clock::now() + gone_by));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
    parent.signal(SIGKILL);
    if (!parent.wait_until(Clock::now() + gone_by)) report.stuck += "a killed parent does not end; ";
    report.longest_survivor =
        std::max(report.longest_survivor, wait_for_no_children(gone_by, report.survivors));
  }
}

constexpr const char* usage =
    "usage: crash_host_soak [--kills N] [--parents N] [--seed N]\n"
    "  --kills N    workers that are killed, one after another (10000)\n"
    "  --parents N  processes with pools that are killed (200)\n"
    "  --seed N     of the random choices (1)\n"
    "exit: 0 nothing was lost or left, 1 something was, 2 usage\n";

struct Options {
  std::uint64_t kills = 10'000;
  std::uint64_t parents = 200;
  std::uint64_t seed = 1;
};

/// Nothing, after saying why, where an argument is none of those above.
std::optional<Options> options_from(std::span<char*> arguments) {
  Options options;
  const std::map<std::string_view, std::uint64_t*> known{
      {"--kills", &options.kills}, {"--parents", &options.parents}, {"--seed", &options.seed}};
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string name = arguments[i];
    const auto found = known.find(name);
    const std::int64_t value = i + 1 < arguments.size() ? parse_number(arguments[i + 1]).value_or(-1) : -1;
    if (found == known.end() || value < 0) {
      const std::string why = found == known.end() ? "unknown argument " : "no number behind ";
      static_cast<void>(std::fputs(("crash_host_soak: " + why + name + "\n" + usage).c_str(), stderr));
      return std::nullopt;
    }
    *found->second = static_cast<std::uint64_t>(value);
  }
  return options;
}

int run(const Options& options) {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);  // a worker that dies by SIGSEGV is part of the plan
  SoakReport report;
  report.seed = options.seed;
  SoakReport warm_up;
  work_and_kill(20, report.seed + 100, warm_up);  // the allocator has what it wants
  report.before = Resources::now();
  const auto begin = Clock::now();
  {
    const Lateness lateness(report.lateness);
    work_and_kill(options.kills, report.seed, report);
  }
  report.took = Clock::now() - begin;
  report.after = Resources::now();
  kill_parents(options.parents, report.seed, report);
  static_cast<void>(std::fputs(report.text().c_str(), stdout));
  return report.good() ? 0 : 1;
}

}  // namespace
}  // namespace forebay::crash

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  const std::span<char*> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
  if (arguments.size() == 1 && std::string_view(arguments[0]) == "--help") {
    static_cast<void>(std::fputs(forebay::crash::usage, stdout));
    return 0;
  }
  const auto options = forebay::crash::options_from(arguments);
  return options ? forebay::crash::run(*options) : 2;
}
