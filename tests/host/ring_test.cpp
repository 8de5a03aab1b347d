#include "host/channel/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "host/error.h"

namespace forebay {
namespace {

constexpr std::size_t capacity = 1024;

class Ring : public testing::Test {
 protected:
  bool put(std::string_view text) {
    const auto room = writer_.reserve(text.size());
    if (!room) return false;
    std::memcpy(room->data(), text.data(), text.size());
    writer_.commit();
    return true;
  }
  std::optional<std::string> get() {
    const auto block = reader_.peek();
    if (!block) return std::nullopt;
    std::string text(reinterpret_cast<const char*>(block->data()), block->size());
    reader_.pop();
    return text;
  }
  /// Overwrites a word of the next block's head: 0 is its size, 1 the filler flag.
  void spoil(std::size_t offset, std::size_t word, std::uint64_t value) {
    std::memcpy(memory_.data() + offset + word * 8, &value, sizeof(value));
  }
  void expect_refused() {
    try {
      static_cast<void>(reader_.peek());
      ADD_FAILURE() << "garbage was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::protocol);
    }
  }

  alignas(ring_alignment) std::array<std::byte, capacity> memory_{};
  RingIndex index_;
  RingWriter writer_{index_, memory_};
  RingReader reader_{index_, memory_};
};

TEST_F(Ring, GivesBlocksInOrderAlignedAndOnceCommitted) {
  EXPECT_EQ(get(), std::nullopt);
  const auto room = writer_.reserve(5);
  ASSERT_TRUE(room);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(room->data()) % ring_alignment, 0U);
  EXPECT_EQ(get(), std::nullopt) << "not before it is complete";
  std::memcpy(room->data(), "hello", 5);
  writer_.commit();
  EXPECT_TRUE(put(""));
  EXPECT_TRUE(put("world"));
  EXPECT_EQ(get(), "hello");
  EXPECT_EQ(get(), "") << "an empty block is a block";
  EXPECT_EQ(get(), "world");
  EXPECT_EQ(get(), std::nullopt);
}

TEST_F(Ring, IsFullUntilTheReaderGivesRoomBack) {
  EXPECT_EQ(writer_.block_bytes_max(), capacity / 4);
  const std::string block(112, 'b');  // 128 bytes with its head
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(put(block));
  EXPECT_FALSE(put(""));
  EXPECT_FALSE(writer_.drained());
  ASSERT_TRUE(reader_.peek());
  EXPECT_FALSE(put("")) << "not while it is looked at";
  reader_.pop();
  EXPECT_TRUE(put(block));
  EXPECT_FALSE(put(""));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(get(), block);
  EXPECT_TRUE(writer_.drained());
}

TEST_F(Ring, WrapsWithAFillerAndKeepsEveryByteUnderRandomUse) {
  std::mt19937 random(7);
  std::deque<std::string> inside;
  std::size_t wrapped = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (random() % 2 == 0) {
      std::string text(random() % (capacity / 4 + 1), static_cast<char>('a' + step % 26));
      if (put(text)) inside.push_back(std::move(text));
    } else {
      const auto text = get();
      ASSERT_EQ(text.has_value(), !inside.empty()) << "step " << step;
      if (!text) continue;
      ASSERT_EQ(*text, inside.front());
      inside.pop_front();
      ++wrapped;
    }
  }
  EXPECT_GT(wrapped, 10'000U);
}

TEST_F(Ring, TellsWhetherABlocksMemoryIsTheReadersStill) {
  const std::string block(112, 'x');
  ASSERT_TRUE(put(block));
  const std::uint64_t first = writer_.last_block();
  ASSERT_TRUE(put(block));
  const std::uint64_t second = writer_.last_block();
  EXPECT_FALSE(writer_.reclaimed(first));
  EXPECT_EQ(get(), block);
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(put(block)) << "needs the first one's memory";
  EXPECT_TRUE(writer_.reclaimed(first));
  EXPECT_FALSE(writer_.reclaimed(second));
}

TEST_F(Ring, RefusesEverySizeThatCannotBe) {
  for (const std::uint64_t size : {std::uint64_t{6}, std::uint64_t{17}, std::uint64_t{1000},
                                   std::uint64_t{1009}, std::uint64_t{capacity}, std::uint64_t{1} << 40U,
                                   ~std::uint64_t{0}, ~std::uint64_t{0} - 15, ~std::uint64_t{0} - 16}) {
    RingIndex index;
    RingWriter writer(index, memory_);
    RingReader reader(index, memory_);
    ASSERT_TRUE(writer.reserve(0));
    writer.commit();
    spoil(0, 0, size);
    EXPECT_THROW(static_cast<void>(reader.peek()), Error) << size;
  }
}

TEST_F(Ring, RefusesAnIndexThatCannotBe) {
  for (const std::uint64_t written :
       {std::uint64_t{1}, std::uint64_t{8}, std::uint64_t{15}, std::uint64_t{capacity + 16},
        ~std::uint64_t{0}, std::uint64_t{1} << 63U}) {
    index_.written = written;
    expect_refused();
  }
  // The peer's `consumed` runs ahead, or back: the writer never writes where it must not.
  index_.written = 0;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(put(std::string(240, 'y')));
  index_.consumed = ~std::uint64_t{0};
  EXPECT_FALSE(put(std::string(256, 'z')));
  index_.consumed = 1U << 20U;
  EXPECT_FALSE(put(std::string(256, 'z')));
}

TEST_F(Ring, SurvivesRandomGarbage) {
  std::mt19937_64 random(11);
  std::size_t refused = 0;
  for (int round = 0; round < 10'000; ++round) {
    RingIndex index;
    for (std::byte& byte : memory_) byte = static_cast<std::byte>(random());
    // Often small numbers, so that some blocks are possible.
    for (std::size_t offset = 0; offset < capacity; offset += 16) {
      if (random() % 2 == 0) spoil(offset, 0, random() % 300);
      if (random() % 2 == 0) spoil(offset, 1, random() % 2);
    }
    index.written = random() % 4 == 0 ? random() : random() % (capacity + 64) / 16 * 16;
    RingReader reader(index, memory_);
    try {
      for (int blocks = 0; blocks < 100; ++blocks) {
        const auto block = reader.peek();
        if (!block) break;
        ASSERT_GE(block->data(), memory_.data());
        ASSERT_LE(block->data() + block->size(), memory_.data() + capacity);
        reader.pop();
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::protocol);
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST_F(Ring, WhoAnnouncesItsSleepIsWoken) {
  EXPECT_FALSE(writer_.must_wake()) << "nobody sleeps";
  EXPECT_TRUE(reader_.announce());
  ASSERT_TRUE(put("x"));
  EXPECT_TRUE(writer_.must_wake());
  EXPECT_FALSE(writer_.must_wake()) << "one waker";
  EXPECT_FALSE(reader_.announce()) << "there is something to read";
  EXPECT_TRUE(reader_.readable());
  EXPECT_EQ(get(), "x");
  EXPECT_FALSE(reader_.readable());
}

TEST_F(Ring, TellsHowASleeperIsToBeWoken) {
  EXPECT_EQ(writer_.take_sleeper(), Sleeper::none);
  EXPECT_TRUE(reader_.announce(Sleeper::on_word));
  EXPECT_EQ(writer_.take_sleeper(), Sleeper::on_word);
  EXPECT_TRUE(reader_.announce(Sleeper::elsewhere));
  EXPECT_EQ(writer_.take_sleeper(), Sleeper::elsewhere);
  index_.reader_waits = 77;
  EXPECT_EQ(writer_.take_sleeper(), Sleeper::elsewhere) << "a wake too many does no harm";
  EXPECT_EQ(writer_.take_sleeper(), Sleeper::none);
}

TEST_F(Ring, WhoIsTakenOrRousedBeforeItSleepsDoesNotFallAsleep) {
  const auto patience = std::chrono::seconds(20);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(reader_.announce());
  EXPECT_TRUE(writer_.must_wake());
  reader_.sleep(begin + patience);
  EXPECT_TRUE(reader_.announce());
  writer_.rouse();
  reader_.sleep(begin + patience);
  EXPECT_FALSE(writer_.announce_full());
  reader_.rouse();
  writer_.sleep(begin + patience);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience);
}

TEST_F(Ring, WhoSleepsElsewhereIsNotRoused) {
  EXPECT_TRUE(reader_.announce(Sleeper::elsewhere));
  writer_.rouse();
  EXPECT_EQ(writer_.take_sleeper(), Sleeper::elsewhere);
}

TEST_F(Ring, CarriesEveryBlockBetweenTwoThreads) {
  constexpr std::uint64_t blocks = 30'000;
  std::thread producer([this] {
    std::mt19937 random(3);
    for (std::uint64_t number = 0; number < blocks; ++number) {
      const std::size_t size = sizeof(number) + random() % 64;
      std::optional<std::span<std::byte>> room;
      while (!(room = writer_.reserve(size))) std::this_thread::yield();
      std::fill(room->begin(), room->end(), static_cast<std::byte>(number));
      std::memcpy(room->data(), &number, sizeof(number));
      writer_.commit();
    }
  });
  std::mt19937 random(3);
  for (std::uint64_t number = 0; number < blocks; ++number) {
    std::optional<std::span<std::byte>> block;
    while (!(block = reader_.peek())) std::this_thread::yield();
    std::uint64_t seen = 0;
    ASSERT_EQ(block->size(), sizeof(number) + random() % 64);
    std::memcpy(&seen, block->data(), sizeof(seen));
    ASSERT_EQ(seen, number);
    const bool whole = std::all_of(block->begin() + sizeof(seen), block->end(), [number](std::byte byte) {
      return byte == static_cast<std::byte>(number);
    });
    ASSERT_TRUE(whole);
    reader_.pop();
  }
  producer.join();
  EXPECT_EQ(get(), std::nullopt);
}

}  // namespace
}  // namespace forebay
