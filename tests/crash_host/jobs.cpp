#include "tests/crash_host/jobs.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <exception>
#include <filesystem>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include "host/codec/shared_range.h"
#include "host/limits.h"
#include "host/pool/as_completed.h"
#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "tests/crash_host/outcomes.h"

namespace forebay::crash {
namespace {

constexpr std::int64_t items = 12;
constexpr std::size_t large = 40'000;        // 320 KB: in memory of its own
constexpr std::size_t inline_large = 3'000;  // 24 KB: in the ring, which they fill

std::int64_t square(std::int64_t i) { return i * i + 7; }

std::int64_t square_or_throw(std::int64_t i) {
  if (i % 4 == 3) throw std::out_of_range("item " + std::to_string(i));
  return square(i);
}

std::vector<std::int64_t> reversed(std::vector<std::int64_t> values) {
  std::ranges::reverse(values);
  return values;
}

std::vector<std::int64_t> wide(std::int64_t i) { return std::vector<std::int64_t>(inline_large, square(i)); }

/// Its file's number as a new file with another one.
UniqueFd file_with(std::int64_t number) {
  UniqueFd file(::memfd_create("number", MFD_CLOEXEC));
  if (::pwrite(file.get(), &number, sizeof(number), 0) != sizeof(number)) throw std::runtime_error("pwrite");
  return file;
}
std::int64_t number_in(const UniqueFd& file) {
  std::int64_t number = 0;
  if (::pread(file.get(), &number, sizeof(number), 0) != sizeof(number)) throw std::runtime_error("pread");
  return number;
}
UniqueFd square_in_file(UniqueFd file) { return file_with(square(number_in(file))); }

std::int64_t die_once(const std::string& mark, std::int64_t i) {
  if (i == 5 && ::unlink(mark.c_str()) == 0) ::raise(SIGKILL);
  return square(i);
}

std::int64_t hang_once(const std::pair<std::string, std::int64_t>& item) {
  if (item.second == 5 && ::unlink(item.first.c_str()) == 0) std::this_thread::sleep_for(2 * patience);
  return square(item.second);
}

std::int64_t slow_square(std::int64_t i) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return square(i);
}

PoolOptions pool_options(const JobSetup& setup) {
  PoolOptions options;
  options.processes = setup.workers;
  options.on_death = setup.on_death;
  return options;
}
ExecutorOptions executor_options(const JobSetup& setup) {
  ExecutorOptions options;
  options.max_workers = setup.workers;
  options.on_death = setup.on_death;
  return options;
}

/// One task more, for workers that have gone to sleep by now; then the end.
void finish(Pool& pool, Outcomes& outcomes) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  outcomes.goes_on([&] { return pool.apply_async(square, 9).get(patience) == square(9); });
  pool.close();
  if (!pool.join(patience)) outcomes.report.goes_on = false;
}
void finish(ProcessPoolExecutor& executor, Outcomes& outcomes) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  outcomes.goes_on([&] { return executor.submit(square, 9).result(patience) == square(9); });
  executor.shutdown();
}

template <std::uint32_t chunk>
void map(const JobSetup& setup, JobReport& report) {
  Pool pool(pool_options(setup));
  Outcomes outcomes(report, items);
  // A map tells of one death, and of no item's outcome then.
  outcomes.all([&] { return pool.map_async(square, std::views::iota(0L, items), chunk).get(patience); },
               square);
  finish(pool, outcomes);
}

template <std::uint32_t chunk>
void imap(const JobSetup& setup, JobReport& report) {
  Pool pool(pool_options(setup));
  Outcomes outcomes(report, items);
  auto results = pool.imap(square_or_throw, std::views::iota(0L, items), {.chunk_size = chunk, .window = 8});
  for (std::int64_t i = 0; i < items; ++i) {
    outcomes.item([&] { return results.next(patience).value(); }, [i] { return square_or_throw(i); });
  }
  if (results.next(patience)) ++report.missing;
  finish(pool, outcomes);
}

void nothing_or_throw(std::int64_t i) { static_cast<void>(square_or_throw(i)); }

/// Of what gives nothing only the last of a chunk tells the pool; the others' outcome is concluded.
void nothing(const JobSetup& setup, JobReport& report) {
  Pool pool(pool_options(setup));
  Outcomes outcomes(report, items);
  auto results = pool.imap(nothing_or_throw, std::views::iota(0L, items), {.chunk_size = 5, .window = 8});
  for (std::int64_t i = 0; i < items; ++i) {
    outcomes.item([&] { return results.next(patience).has_value() ? square(i) : 0; },
                  [i] { return square_or_throw(i); });
  }
  if (results.next(patience)) ++report.missing;
  finish(pool, outcomes);
}

void submit(const JobSetup& setup, JobReport& report) {
  ProcessPoolExecutor executor(executor_options(setup));
  Outcomes outcomes(report, items);
  std::vector<Future<std::int64_t>> futures;
  for (std::int64_t i = 0; i < items; ++i) futures.push_back(executor.submit(square_or_throw, i));
  for (std::int64_t i = 0; i < items; ++i) {
    outcomes.item([&] { return futures[static_cast<std::size_t>(i)].result(patience); },
                  [i] { return square_or_throw(i); });
  }
  finish(executor, outcomes);
}

/// Tasks that are taken back: by cancelling, and by a worker that has nothing from one that has much.
void cancel(const JobSetup& setup, JobReport& report) {
  ProcessPoolExecutor executor(executor_options(setup));
  Outcomes outcomes(report, items);
  std::vector<Future<std::int64_t>> futures;
  for (std::int64_t i = 0; i < items; ++i) futures.push_back(executor.submit(slow_square, i));
  for (std::size_t i = items - 4; i < items; ++i) static_cast<void>(futures[i].cancel());
  for (std::int64_t i = 0; i < items; ++i) {
    const auto& future = futures[static_cast<std::size_t>(i)];
    outcomes.item([&] { return future.cancelled() ? square(i) : future.result(patience); },
                  [i] { return square(i); });
  }
  finish(executor, outcomes);
}

void large_payloads(const JobSetup& setup, JobReport& report) {
  Pool pool(pool_options(setup));
  Outcomes outcomes(report, items);
  std::vector<AsyncResult<std::vector<std::int64_t>>> results;
  std::vector<std::int64_t> values(large);
  for (std::int64_t i = 0; i < items; ++i) {
    std::iota(values.begin(), values.end(), i);
    results.push_back(pool.apply_async(reversed, values));
  }
  for (std::int64_t i = 0; i < items; ++i) {
    std::iota(values.begin(), values.end(), i);
    outcomes.item([&] { return results[static_cast<std::size_t>(i)].get(patience); },
                  [&] { return reversed(values); });
  }
  finish(pool, outcomes);
}

void descriptors(const JobSetup& setup, JobReport& report) {
  ProcessPoolExecutor executor(executor_options(setup));
  Outcomes outcomes(report, items);
  std::vector<Future<UniqueFd>> futures;
  for (std::int64_t i = 0; i < items; ++i) futures.push_back(executor.submit(square_in_file, file_with(i)));
  for (std::int64_t i = 0; i < items; ++i) {
    outcomes.item([&] { return number_in(futures[static_cast<std::size_t>(i)].result(patience)); },
                  [i] { return square(i); });
  }
  finish(executor, outcomes);
}

/// wide(), noting how many have begun.
struct NotedWide {
  SharedRange<int> begun{1};

  std::vector<std::int64_t> operator()(std::int64_t i) const {
    std::atomic_ref<int>(begun[0]).fetch_add(1);
    return wide(i);
  }
};

/// So many results, and not one more, are in a ring.
constexpr int ring_holds = static_cast<int>(limits::crew_ring_bytes / (inline_large * sizeof(std::int64_t)));
static_assert(ring_holds < items);

/// More results than a ring holds, while the pool's thread is held up by a callback.
void full_ring(const JobSetup& setup, JobReport& report) {
  const NotedWide noted;
  std::atomic<bool> held{true};
  const std::string token = setup.folder + "/token";
  const bool dies = !setup.folder.empty() && std::filesystem::exists(token);
  // Until the result is made that the ring has no room for, or the worker has died. Not for long where it is
  // killed in another way.
  const auto hold_up = [&](const std::int64_t&) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    while (std::atomic_ref<int>(noted.begun[0]).load() <= ring_holds &&
           (!dies || std::filesystem::exists(token)) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // until it is written, or waits
    held = false;
  };
  const auto give_up = [&held](const std::exception_ptr&) { held = false; };
  Pool pool(pool_options(setup));
  Outcomes outcomes(report, items);
  const auto before =
      pool.apply_async(Callbacks<std::int64_t>{.on_result = hold_up, .on_error = give_up}, square, 1);
  const auto result = pool.map_async(noted, std::views::iota(0L, items), items);
  // Whoever waits in get() takes results itself: later, then.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (held && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  outcomes.all([&] { return result.get(patience); }, wide);
  outcomes.extra([&] { return before.get(patience) == square(1); });
  finish(pool, outcomes);
}

void own_death(const JobSetup& setup, JobReport& report) {
  Pool pool(pool_options(setup));
  Outcomes outcomes(report, items);
  const std::string mark = setup.folder + "/mark";
  if (!setup.folder.empty()) touch(mark);
  std::vector<AsyncResult<std::int64_t>> results;
  for (std::int64_t i = 0; i < items; ++i) results.push_back(pool.apply_async(die_once, mark, i));
  for (std::int64_t i = 0; i < items; ++i) {
    outcomes.item([&] { return results[static_cast<std::size_t>(i)].get(patience); },
                  [i] { return square(i); });
  }
  finish(pool, outcomes);
}

/// One item hangs once, and its worker is killed for it.
void time_limit(const JobSetup& setup, JobReport& report) {
  PoolOptions options = pool_options(setup);
  options.task_timeout = std::chrono::milliseconds(200);
  Pool pool(std::move(options));
  Outcomes outcomes(report, items);
  const std::string mark = setup.folder + "/mark";
  if (!setup.folder.empty()) touch(mark);
  std::vector<std::pair<std::string, std::int64_t>> arguments;
  for (std::int64_t i = 0; i < items; ++i) arguments.emplace_back(mark, i);
  auto results = pool.imap(hang_once, arguments, {.chunk_size = 4, .window = items});
  for (std::int64_t i = 0; i < items; ++i) {
    outcomes.item([&] { return results.next(patience).value(); }, [i] { return square(i); });
  }
  if (results.next(patience)) ++report.missing;
  finish(pool, outcomes);
}

constexpr auto all_jobs = std::to_array<Job>({
    {"map", map<1>},
    {"map in chunks", map<5>},
    {"imap", imap<1>},
    {"imap in chunks", imap<5>},
    {"nothing in chunks", nothing},
    {"submit", submit},
    {"cancel", cancel},
    {"large payloads", large_payloads},
    {"descriptors", descriptors},
    {"full ring", full_ring},
    {"own death", own_death, 1},
    {"time limit", time_limit, 1, true},
});

}  // namespace

std::span<const Job> jobs() { return all_jobs; }

}  // namespace forebay::crash
