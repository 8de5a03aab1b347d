#include "tests/crash_host/soak_load.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>
#include <ranges>
#include <stdexcept>

#include "tests/crash_host/outcomes.h"

namespace forebay::crash {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono_literals::operator""ms;

constexpr std::uint64_t window = 24;

RunCounter::Counts* counter = nullptr;  // in a worker

RunCounter::Counts* map_counter(int file) {
  void* memory = ::mmap(nullptr, sizeof(RunCounter::Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map the counter");
  return static_cast<RunCounter::Counts*>(memory);
}

void use_counter(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  counter = map_counter(file.get());
}

void count_run() {
  static const std::uint64_t earlier_workers = counter->workers.fetch_add(1);
  static_cast<void>(earlier_workers);
  counter->runs.fetch_add(1);
}

std::int64_t square(std::int64_t i) {
  count_run();
  return i * i + 7;
}

/// Items of different lengths, up to half a millisecond.
std::int64_t busy_square(std::int64_t i) {
  count_run();
  const auto until = Clock::now() + std::chrono::microseconds(i * 37 % 500);
  while (Clock::now() < until) {
  }
  return i * i + 7;
}

std::int64_t sum(const std::vector<std::int64_t>& values) {
  count_run();
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

}  // namespace

RunCounter::RunCounter() : file_(::memfd_create("runs", MFD_CLOEXEC)), count_(nullptr) {
  if (::ftruncate(file_.get(), sizeof(Counts)) != 0) throw std::runtime_error("ftruncate");
  count_ = map_counter(file_.get());
}
RunCounter::~RunCounter() { ::munmap(count_, sizeof(Counts)); }

Call RunCounter::initializer() const {
  return make_call(use_counter, "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get()));
}
std::uint64_t RunCounter::runs() const { return count_->runs; }
std::uint64_t RunCounter::workers() const { return count_->workers; }

SoakCounts Load::counts() const { return {submitted_, answered_, died_, wrong_, duplicates_, runs_.runs()}; }

void Load::run() {
  try {
    while (!stop_) step();
    finish();
  } catch (const std::exception& error) {
    stuck_ = error.what();
  }
}

PoolLoad::PoolLoad(std::uint32_t workers, std::uint64_t seed)
    : Load(seed), pool_([&] {
        PoolOptions options;
        options.processes = workers;
        options.on_death = OnDeath::retry;
        options.retries = 100;  // many random kills may hit the same item
        options.initializer = runs_.initializer();
        return options;
      }()) {}

void PoolLoad::step() {
  switch (up_to(3)) {
    case 0: map(); break;
    case 1: walk(); break;
    default: apply(); break;
  }
}

void PoolLoad::map() {
  const auto items = static_cast<std::int64_t>(1 + up_to(64));
  submitted_ += static_cast<std::uint64_t>(items);
  const auto result =
      pool_.map_async(busy_square, std::views::iota(0L, items), static_cast<std::uint32_t>(1 + up_to(16)));
  const std::vector<std::int64_t>& values = [&]() -> decltype(auto) {
    return result.future().result(patience);
  }();
  for (std::int64_t i = 0; i < items; ++i) {
    ++(values.at(static_cast<std::size_t>(i)) == i * i + 7 ? answered_ : wrong_);
    ++outcomes_;
  }
}

void PoolLoad::walk() {
  const auto items = static_cast<std::int64_t>(1 + up_to(64));
  submitted_ += static_cast<std::uint64_t>(items);
  auto results = pool_.imap_unordered(busy_square, std::views::iota(0L, items),
                                      {.chunk_size = static_cast<std::uint32_t>(1 + up_to(8)), .window = 32});
  std::vector<int> seen(static_cast<std::size_t>(items), 0);
  while (const auto value = results.next(patience)) {
    std::size_t i = 0;
    while (i < seen.size() && static_cast<std::int64_t>(i * i + 7) != *value) ++i;
    if (i == seen.size()) {
      ++wrong_;
    } else if (++seen[i] > 1) {
      ++duplicates_;
    } else {
      ++answered_;
    }
    ++outcomes_;
  }
}

void PoolLoad::apply() {
  std::vector<std::int64_t> values(1 + up_to(60'000));
  std::iota(values.begin(), values.end(), 3);
  ++submitted_;
  const std::int64_t known = std::accumulate(values.begin(), values.end(), std::int64_t{0});
  ++(pool_.apply_async(sum, values).get(patience) == known ? answered_ : wrong_);
  ++outcomes_;
}

ExecutorLoad::ExecutorLoad(std::uint32_t workers, std::uint64_t seed, DeathLog& log)
    : Load(seed), log_(log), executor_([&] {
        ExecutorOptions options;
        options.max_workers = workers;
        options.initializer = runs_.initializer();
        return options;
      }()) {}

template <typename F, typename... A>
void ExecutorLoad::submit(std::int64_t known, const F& function, A&&... arguments) {
  ++submitted_;
  ++in_flight_;
  auto told = std::make_shared<std::atomic<int>>(0);
  executor_.submit(function, std::forward<A>(arguments)...)
      .add_done_callback([this, known, told](const Future<std::int64_t>& done) {
        const auto now = Clock::now();
        if (told->fetch_add(1) != 0) {
          ++duplicates_;
          return;
        }
        try {
          ++(done.result() == known ? answered_ : wrong_);
        } catch (const WorkerDied& death) {
          log_.failed(death.pid(), now);
          ++died_;
        } catch (const std::exception&) {
          ++wrong_;
        }
        ++outcomes_;
        --in_flight_;
        in_flight_.notify_one();
      });
}

void ExecutorLoad::step() {
  const auto give_up = Clock::now() + patience;
  while (in_flight_ >= window) {
    if (Clock::now() > give_up) throw std::runtime_error("the executor answers no more");
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  const auto i = static_cast<std::int64_t>(up_to(10'000));
  const std::uint64_t kind = up_to(20);
  if (kind == 0) {
    std::vector<std::int64_t> values(20'000, i);
    submit(20'000 * i, sum, std::move(values));
  } else if (kind < 8) {
    submit(i * i + 7, busy_square, i);
  } else {
    submit(i * i + 7, square, i);
  }
}

void ExecutorLoad::finish() {
  const auto give_up = Clock::now() + patience;
  while (in_flight_ != 0) {
    if (Clock::now() > give_up)
      throw std::runtime_error(std::to_string(in_flight_) + " futures were never done");
    std::this_thread::sleep_for(1ms);
  }
  executor_.shutdown();
}

}  // namespace forebay::crash
