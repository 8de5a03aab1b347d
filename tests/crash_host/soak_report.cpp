#include "tests/crash_host/soak_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace forebay::crash {
namespace {

// Sanitizers keep what is freed, so there memory and mappings grow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_measured = false;
#else
constexpr bool memory_is_measured = true;
#endif

// An allocator that has seen ten thousand deaths may keep some pages.
constexpr std::uint64_t rss_growth_kib_max = 4096;
constexpr std::uint64_t mapping_growth_max = 8;

std::string counts(const char* name, const SoakCounts& of) {
  return fmt::format(
      "{:9} {:>9} submitted {:>9} answered {:>7} WorkerDied {:>7} run again {:>3} wrong {:>3} lost {:>3} "
      "twice\n",
      name, of.submitted, of.answered, of.died, of.runs > of.submitted ? of.runs - of.submitted : 0, of.wrong,
      of.lost(), of.duplicates);
}

std::string times(const char* name, std::vector<std::chrono::nanoseconds> values) {
  const auto ms = [&values](double share) {
    return std::chrono::duration<double, std::milli>(quantile(values, share)).count();
  };
  return fmt::format("{:34} p50 {:7.3f} ms   p99 {:7.3f} ms   max {:7.3f} ms   ({} measured)\n", name,
                     ms(0.5), ms(0.99), ms(1), values.size());
}

bool whole(const SoakCounts& of) {
  return of.wrong == 0 && of.lost() == 0 && of.duplicates == 0 && of.answered > 0;
}

}  // namespace

std::chrono::nanoseconds quantile(std::vector<std::chrono::nanoseconds>& values, double share) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(at + 0.5)];
}

bool SoakReport::good() const {
  const bool nothing_left = after.files == before.files && after.threads == before.threads &&
                            after.children == before.children && after.shared_files == before.shared_files &&
                            (!memory_is_measured || (after.mappings <= before.mappings + mapping_growth_max &&
                                                     after.rss_kib <= before.rss_kib + rss_growth_kib_max));
  return stuck.empty() && survivors.empty() && whole(pool) && whole(executor) && pool.died == 0 &&
         nothing_left;
}

std::string SoakReport::text() const {
  std::string out = fmt::format("soak, seed {}: {} kills ({} stopped before, {} by SIGSEGV) in {:.1f} s\n",
                                seed, kills, stopped, segfaults, std::chrono::duration<double>(took).count());
  out += counts("Pool", pool);
  out += counts("Executor", executor);
  out += times("signal to the future's failure", kill_to_answer);
  out += times("worker's exit to the failure", exit_to_answer);
  out += times("a sleeper's lateness meanwhile", lateness);
  out += fmt::format("{} parents killed: the last process of each was gone at most {} ms later\n", parents,
                     longest_survivor.count());
  out += "before: " + before.text() + "\nafter:  " + after.text() + "\n";
  if (!survivors.empty()) out += "SURVIVED: " + survivors + "\n";
  if (!stuck.empty()) out += "STUCK: " + stuck + "\n";
  out += good() ? "good: no task lost, none told twice, nothing left\n" : "BAD\n";
  return out;
}

}  // namespace forebay::crash
