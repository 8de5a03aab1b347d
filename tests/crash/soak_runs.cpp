#include "tests/crash/soak_runs.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "tests/crash/pictures.h"

namespace forebay::crash {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t pictures_count = 64;
constexpr std::size_t numbers_of_item = 8;
constexpr std::chrono::microseconds number_work{20};

std::array<std::int64_t, numbers_of_item> numbers_of(std::uint64_t index) {
  std::array<std::int64_t, numbers_of_item> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<std::int64_t>((index * numbers_of_item + i) * 0x9E3779B97F4A7C15U);
  return numbers;
}

/// Of this process and those that it has reaped.
std::chrono::nanoseconds cpu_time() {
  std::chrono::nanoseconds sum{0};
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime})
      sum += std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  }
  return sum;
}

void make_numbers(Item& item) {
  const TensorView tensor = item.emplace(DType::i64, {static_cast<std::int64_t>(numbers_of_item)});
  const auto numbers = numbers_of(item.index());
  const auto until = Clock::now() + number_work;  // so that kills hit items and not only what lies between
  while (Clock::now() < until) {
  }
  std::copy(numbers.begin(), numbers.end(), static_cast<std::int64_t*>(tensor.data));
}

}  // namespace

SoakItems& SoakItems::operator+=(const SoakItems& other) {
  planned += other.planned;
  right += other.right;
  wrong += other.wrong;
  quarantined += other.quarantined;
  again += other.again;
  restarts += other.restarts;
  took += other.took;
  cpu += other.cpu;
  failure += other.failure;
  notices.insert(notices.end(), other.notices.begin(), other.notices.end());
  return *this;
}

SoakWork::SoakWork(const SoakOptions& options, const std::string& folder)
    : options_(options), folder_(folder) {
  if (options.numbers) {
    row_bytes_ = sizeof(numbers_of(0));
    return;
  }
  constexpr std::uint32_t smallest = 250;
  constexpr std::uint32_t largest = 640;
  pictures_ = make_pictures(folder_, pictures_count, smallest, largest);
  Pipeline pipeline = start(pictures_count);
  for (const Batch& batch : pipeline) {
    const auto* bytes = static_cast<const std::byte*>(batch.tensor().data);
    rows_.insert(rows_.end(), bytes, bytes + batch.tensor().bytes());
  }
  row_bytes_ = rows_.size() / pictures_count;
  if (pipeline.stats().rows != pictures_count) throw std::runtime_error("the undisturbed run lacks pictures");
}

Pipeline SoakWork::start(std::uint64_t items) const {
  PipelineOptions options;
  options.workers = options_.workers;
  options.batch = options_.batch;
  options.device = DeviceChoice::cpu;
  options.finish.dtype = DType::u8;
  options.placement = options_.owner ? Placement::owner : Placement::worker;
  if (options_.numbers) {
    options.placement = Placement::automatic;
    return PipelineBuilder::range(items).options(options).host_stage(make_numbers).start();
  }
  std::ofstream list(folder_ + "/list");
  for (std::uint64_t i = 0; i < items; ++i) list << pictures_[i % pictures_count] << '\n';
  list.close();
  return PipelineBuilder::pictures({fmt::format("@{}/list", folder_)}).options(options).start();
}

void SoakWork::check(const Batch& batch, std::uint64_t& next, SoakItems& into) const {
  const auto* row = static_cast<const std::byte*>(batch.tensor().data);
  for (const ItemRecord& item : batch.items()) {
    into.again += item.attempts - 1;
    const bool in_order = item.index == next++;
    if (!item.ok()) {
      ++into.quarantined;
      into.notices.push_back(fmt::format("item {}: {}", item.index, item.message));
      continue;
    }
    const auto numbers = numbers_of(item.index);
    const void* expected = options_.numbers ? static_cast<const void*>(numbers.data())
                                            : &rows_[item.index % pictures_count * row_bytes_];
    const bool same = in_order && std::memcmp(row, expected, row_bytes_) == 0;
    ++(same ? into.right : into.wrong);
    row += row_bytes_;
  }
}

void SoakWork::run(std::uint64_t items, std::uint64_t seed, Kills* kills, SoakItems& into) const {
  into.planned += items;
  std::uint64_t next = 0;
  const auto cpu_before = cpu_time();
  try {
    Pipeline pipeline = start(items);
    const auto begin = Clock::now();
    {
      std::optional<PipelineKiller> killer;
      if (kills != nullptr) killer.emplace(pipeline, options_, seed, *kills);
      for (const Batch& batch : pipeline) check(batch, next, into);
    }
    into.took += Clock::now() - begin;
    const RunStats stats = pipeline.stats();
    into.restarts += stats.owner.restarts;
    for (const WorkerStats& worker : stats.workers) into.restarts += worker.restarts;
    for (const Notice& notice : stats.notices) into.notices.push_back(notice.text);
  } catch (const std::exception& error) {
    into.failure += fmt::format("after {} items: {}; ", next, error.what());
  }
  into.cpu += cpu_time() - cpu_before;
}

}  // namespace forebay::crash
