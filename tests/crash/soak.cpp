// Kills a random process of a working pipeline every few milliseconds and reports what came of it: --help.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>

#include "host/process/init.h"
#include "tests/crash/soak_runs.h"
#include "tests/crash_host/resources.h"
#include "tests/source/temporary_folder.h"

namespace forebay::crash {
namespace {

struct Soak {
  SoakItems calm;
  SoakItems disturbed;
  Kills kills;
  std::vector<double> ratios;  // of each round
  Resources before;
  Resources after;
};

double quantile_ms(std::vector<std::chrono::nanoseconds>& values, double share) {
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  return std::chrono::duration<double, std::milli>(values[at]).count();
}

std::string times(std::string_view what, Kills::Times& of) {
  std::string out;
  for (auto& [role, values] : of) {
    out += fmt::format("{:50} p50 {:8.1f} ms   p99 {:8.1f} ms   max {:8.1f} ms   ({} measured)\n",
                       fmt::format("{}: signal to {}", role, what), quantile_ms(values, 0.5),
                       quantile_ms(values, 0.99), quantile_ms(values, 1), values.size());
  }
  return out;
}

std::string items_text(const char* name, const SoakItems& items) {
  return fmt::format(
      "{:11} {} items in {:.1f} s: {:.0f}/s; {} right, {} wrong, {} quarantined, {} lost; {} attempts more, "
      "{} "
      "restarts\n",
      name, items.planned, std::chrono::duration<double>(items.took).count(), items.per_second(), items.right,
      items.wrong, items.quarantined, items.planned - items.right - items.wrong - items.quarantined,
      items.again, items.restarts);
}

/// The deaths of workers by the step that their notices name.
std::string steps_text(const std::vector<std::string>& notices) {
  constexpr std::string_view mark = ", step ";
  std::map<std::string, unsigned> counts;
  for (const std::string& notice : notices) {
    const std::size_t step = notice.find(mark);
    if (step != std::string::npos) {
      const std::size_t begin = step + mark.size();
      ++counts[notice.substr(begin, notice.find(';', begin) - begin)];
    } else if (notice.find("between two items") != std::string::npos) {
      ++counts["between two items"];
    }
  }
  std::string out = "deaths of workers by step:";
  for (const auto& [step, count] : counts) out += fmt::format(" {} {},", step, count);
  out.back() = '\n';
  return out;
}

bool whole(const SoakItems& items) { return items.right == items.planned && items.failure.empty(); }

bool nothing_left(const Soak& soak) {
  return soak.after.files == soak.before.files && soak.after.threads == soak.before.threads &&
         soak.after.children == soak.before.children && soak.after.shared_files == soak.before.shared_files;
}

void print(const SoakOptions& options, Soak& soak) {
  std::string out = fmt::format("soak, seed {}: {}, {} workers{}, a kill every {} ms\n", options.seed,
                                options.numbers ? "numbers" : "pictures", options.workers,
                                options.owner ? " and an owner" : "", options.every_ms);
  out += items_text("undisturbed", soak.calm) + items_text("disturbed", soak.disturbed);
  out += fmt::format("{} kills:", soak.kills.all);
  for (const auto& [who, count] : soak.kills.by) out += fmt::format(" {} {},", who, count);
  out += fmt::format(" {} of them before it had done anything\n", soak.kills.before_work);
  out += steps_text(soak.disturbed.notices);
  out += times("the replacement's process", soak.kills.to_process);
  out += times("a replacement's first chunk or batch", soak.kills.to_result);
  std::sort(soak.ratios.begin(), soak.ratios.end());
  out +=
      fmt::format("throughput, disturbed of undisturbed: {:.3f} (rounds: {:.3f} to {:.3f}, median {:.3f})\n",
                  soak.disturbed.per_second() / soak.calm.per_second(), soak.ratios.front(),
                  soak.ratios.back(), soak.ratios[soak.ratios.size() / 2]);
  out += fmt::format(
      "processor time of an item, disturbed of undisturbed: {:.3f}\n",
      static_cast<double>(soak.disturbed.cpu.count()) / static_cast<double>(soak.calm.cpu.count()));
  out += "before: " + soak.before.text() + "\nafter:  " + soak.after.text() + "\n";
  constexpr std::size_t shown = 5;
  for (std::size_t i = 0; i < std::min(shown, soak.disturbed.notices.size()); ++i)
    out += "notice: " + soak.disturbed.notices[i] + "\n";
  for (const SoakItems* items : {&soak.calm, &soak.disturbed}) {
    if (!items->failure.empty()) out += "FAILED: " + items->failure + "\n";
  }
  out += whole(soak.calm) && whole(soak.disturbed) && nothing_left(soak)
             ? "good: every item once, with the same bytes, nothing left\n"
             : "BAD\n";
  static_cast<void>(std::fputs(out.c_str(), stdout));
}

int run(const SoakOptions& options) {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);  // processes that die by SIGSEGV are part of the plan
  const test::TemporaryFolder folder;
  const SoakWork work(options, folder.path());
  Soak soak;
  constexpr std::uint64_t warm_up_items = 512;
  SoakItems warm_up;
  Kills warm_up_kills;
  work.run(warm_up_items, options.seed, &warm_up_kills, warm_up);
  soak.before = Resources::now();
  for (std::uint64_t round = 0; round < options.rounds; ++round) {
    const std::uint64_t items = options.items / options.rounds + (round < options.items % options.rounds);
    SoakItems calm;
    SoakItems disturbed;
    work.run(items, 0, nullptr, calm);
    work.run(items, options.seed + round, &soak.kills, disturbed);
    soak.ratios.push_back(disturbed.per_second() / calm.per_second());
    soak.calm += calm;
    soak.disturbed += disturbed;
  }
  soak.after = Resources::now();
  print(options, soak);
  return whole(soak.calm) && whole(soak.disturbed) && nothing_left(soak) && soak.kills.all > 0 ? 0 : 1;
}

}  // namespace
}  // namespace forebay::crash

int main(int argc, char** argv) {
  // A way out that a test can ask a worker for: see --signals.
  std::signal(SIGUSR1, [](int) { ::_exit(3); });
  forebay::init(argc, argv);
  forebay::crash::SoakOptions options;
  bool go_on = false;
  const int code = forebay::crash::read_options(argc, argv, options, go_on);
  return go_on ? forebay::crash::run(options) : code;
}
