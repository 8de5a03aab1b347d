// Memory for shared objects: given out without overlap, taken back in whole pieces, and short of with an
// Error.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "host/error.h"
#include "host/sync/free_space.h"
#include "host/sync/semaphore.h"
#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

using Bytes = Array<std::uint8_t>;

bool holds_only(const Bytes& array, std::uint8_t value) {
  return std::all_of(array.begin(), array.end(), [value](std::uint8_t byte) { return byte == value; });
}

/// Of this process, of shared memory that it has touched, in MiB.
std::size_t shared_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssShmem:")) return std::stoul(line.substr(9)) / 1024;
  }
  return 0;
}

TEST(H1, RandomSizesNeverOverlapAndBeginAsZeros) {
  std::mt19937 random(1);
  std::map<std::uint8_t, Bytes> living;
  for (int round = 0; round < 6000; ++round) {
    const auto mark = static_cast<std::uint8_t>(1 + random() % 120);
    if (const auto found = living.find(mark); found != living.end()) {
      ASSERT_TRUE(holds_only(found->second, mark)) << "somebody wrote into it";
      living.erase(found);
      continue;
    }
    const std::size_t size = random() % 50 == 0 ? 300'000 + random() % 900'000 : 1 + random() % 60'000;
    Bytes array(size);
    ASSERT_TRUE(holds_only(array, 0)) << size;
    std::fill(array.begin(), array.end(), mark);
    living.emplace(mark, array);
  }
  for (const auto& [mark, array] : living) ASSERT_TRUE(holds_only(array, mark));
}

std::vector<Bytes> fill_with(std::size_t size, std::optional<ErrorCode>& refused) {
  std::vector<Bytes> all;
  try {
    while (all.size() < 10'000) all.emplace_back(size);
  } catch (const Error& error) {
    refused = error.code();
  }
  return all;
}

/// In a process of its own, whose context nothing else lies in. What it finds is its exit code.
int fill_and_merge() {
  const std::size_t small = 20'000;
  const std::size_t large = 250'000;
  std::optional<ErrorCode> refused;
  std::vector<Bytes> all = fill_with(small, refused);
  if (refused != ErrorCode::no_memory || all.size() < limits::context_bytes / small * 9 / 10) return 1;
  all.pop_back();
  const Bytes fits_again(small);
  all.erase(all.begin() + 10, all.begin() + 24);  // together they are one large one and more
  std::optional<Bytes> merged;
  try {
    merged.emplace(large);
    if (!holds_only(*merged, 0)) return 2;
  } catch (const Error&) {
    return 3;
  }
  for (std::size_t i = 0; i < all.size(); i += 2) all[i] = Bytes(fits_again);  // holes of one small one each
  try {
    const Bytes too_large(large);
    return 4;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::no_memory) return 5;
  }
  all.clear();
  merged.reset();
  const std::vector<Bytes> again = fill_with(large, refused);
  return again.size() >= limits::context_bytes / large * 9 / 10 ? 0 : 6;
}

TEST(H1, OutOfMemoryIsAnErrorAndFreedNeighboursAreOneAgain) {
  Process process(fill_and_merge);
  process.start();
  ASSERT_TRUE(process.join(patience));
  EXPECT_EQ(process.exit_code(), 0);
}

TEST(H1, LargeOnesGiveTheirMemoryBack) {
  const std::size_t before = shared_mib();
  for (int round = 0; round < 20; ++round) {
    Bytes array((16U << 20U) + static_cast<std::size_t>(round % 7) * 4096);
    std::fill(array.begin(), array.end(), std::uint8_t{1});
  }
  EXPECT_LE(shared_mib(), before + 40);
}

/// Has the only handle after a while; says whether its content is as it was.
int keep_it(Bytes array, Event mine, Event look) {
  mine.set();
  if (!look.wait(patience)) return 1;
  return holds_only(array, 9) ? 0 : 2;
}

TEST(H1, WhatAnotherProcessHasIsNotGivenAway) {
  for (const std::size_t size : {1000U, 2'000'000U}) {
    Event mine;
    Event look;
    Children children;
    {
      Bytes array(size);
      std::fill(array.begin(), array.end(), std::uint8_t{9});
      children.start(keep_it, array, mine, look);
      ASSERT_TRUE(mine.wait(patience));
    }
    for (int i = 0; i < 200; ++i) {
      Bytes other(size);
      std::fill(other.begin(), other.end(), std::uint8_t{1});
    }
    std::vector<Bytes> many;
    for (int i = 0; i < 20; ++i) many.emplace_back(size);
    for (Bytes& other : many) std::fill(other.begin(), other.end(), std::uint8_t{2});
    look.set();
    children.expect_good_ends();
  }
}

void hold(Semaphore semaphore, Event there) {
  semaphore.acquire();
  stay(std::move(there));
}

TEST(H1, WhatADeadProcessHadIsFoundAmongManyThatCameAndWent) {
  std::vector<Bytes> around;
  for (int i = 0; i < 500; ++i) around.emplace_back(30'000);
  Semaphore semaphore(1);
  Event there;
  for (int i = 0; i < 1500; ++i) around.emplace_back(30'000);
  Children children;
  Process& holder = children.start(hold, semaphore, there);
  ASSERT_TRUE(there.wait(patience));
  std::mt19937 random(3);
  for (int i = 0; i < 4000; ++i) around[random() % around.size()] = Bytes(1 + random() % 30'000);
  around.clear();
  for (int i = 0; i < 3000; ++i) Bytes(30'000);
  holder.kill();
  EXPECT_TRUE(semaphore.acquire(within));
}

TEST(H1, FreeSpaceIsSplitAndMerged) {
  FreeSpace space(64, 1064);
  EXPECT_EQ(space.take(1001), std::nullopt);
  EXPECT_EQ(space.take(100), 64U);
  EXPECT_EQ(space.take(200), 164U);
  EXPECT_EQ(space.take(700), 364U);
  EXPECT_EQ(space.bytes(), 0U);
  EXPECT_EQ(space.take(1), std::nullopt);
  space.give(64, 100);
  space.give(364, 700);
  EXPECT_EQ(space.take(90), 64U) << "the smallest that fits";
  space.give(64, 90);
  EXPECT_EQ(space.take(800), std::nullopt);
  space.give(164, 200);
  EXPECT_EQ(space.take(1000), 64U) << "all in one piece again";
}

}  // namespace
}  // namespace forebay
