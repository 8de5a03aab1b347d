// A list in a named block: its types, what does not fit, and blocks that are no list.
#include "host/memory/shareable_list.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "host/channel/queue.h"
#include "host/memory/shared_memory_manager.h"
#include "tests/memory/blocks.h"

namespace forebay {
namespace {

using namespace probe;
using Value = ShareableList::Value;
using Bytes = ShareableList::Bytes;

/// Unlinks it at the end of a test.
struct Listed {
  ShareableList list;
  ~Listed() { ::unlink(("/dev/shm/" + list.shm().name()).c_str()); }
};

const std::vector<Value> one_of_each{std::monostate{},
                                     true,
                                     std::numeric_limits<std::int64_t>::min(),
                                     -2.5,
                                     std::string("na\0me", 5),
                                     Bytes{std::byte{0}, std::byte{255}},
                                     std::string()};

TEST(M10, EveryTypeComesBackAsItWas) {
  Listed made{ShareableList(one_of_each)};
  EXPECT_EQ(made.list.size(), 7U);
  EXPECT_EQ(made.list.values(), one_of_each);
  EXPECT_EQ(made.list.get<double>(3), -2.5);
  EXPECT_EQ(code_of([&] { static_cast<void>(made.list.get<std::int64_t>(3)); }), ErrorCode::usage);
  EXPECT_EQ(code_of([&] { static_cast<void>(made.list[7]); }), ErrorCode::usage);
  const Listed written{ShareableList{1, 2.5, true, "text", std::monostate{}}};
  EXPECT_EQ(written.list.get<std::int64_t>(0), 1);
  EXPECT_EQ(written.list.get<std::string>(3), "text");
}

TEST(M10, AnElementChangesItsValueAndItsTypeAndNoOther) {
  Listed made{ShareableList(one_of_each)};
  std::vector<Value> expected = one_of_each;
  const std::vector<Value> others{7, std::string("12345678"), false, Bytes(8, std::byte{9}), 0.5,
                                  1, std::string("87654321")};
  for (std::size_t i = 0; i < others.size(); ++i) {
    made.list.set(i, others[i]);
    expected[i] = others[i];
    EXPECT_EQ(made.list.values(), expected) << i;
  }
  EXPECT_EQ(code_of([&] { made.list.set(7, 1); }), ErrorCode::usage);
}

TEST(M10, WhatIsLongerThanItsRoomIsRefusedAndNothingChanges) {
  Listed made{ShareableList{std::string(17, 'a'), 3}};
  made.list.set(0, std::string(24, 'b'));
  EXPECT_THROW(made.list.set(0, std::string(25, 'c')), ValueTooLong);
  EXPECT_THROW(made.list.set(1, Bytes(9)), ValueTooLong);
  EXPECT_EQ(made.list.values(), (std::vector<Value>{std::string(24, 'b'), 3}));
}

TEST(M10, CountIndexIterationAndCopy) {
  Listed made{ShareableList{1, "a", 1, 1.0, true}};
  EXPECT_EQ(made.list.count(1), 2U);
  EXPECT_EQ(made.list.count("b"), 0U);
  EXPECT_EQ(made.list.index(1.0), 3U);
  EXPECT_EQ(code_of([&] { static_cast<void>(made.list.index(2)); }), ErrorCode::usage);
  std::size_t numbers = 0;
  for (const Value& value : made.list) numbers += std::holds_alternative<std::int64_t>(value) ? 1U : 0U;
  EXPECT_EQ(numbers, 2U);
  Listed copy{made.list.copy()};
  EXPECT_NE(copy.list.shm().name(), made.list.shm().name());
  copy.list.set(0, 5);
  EXPECT_EQ(made.list[0], Value(1));
  const Listed empty{ShareableList(std::span<const Value>())};
  EXPECT_EQ(empty.list.size(), 0U);
  EXPECT_EQ(empty.list.begin(), empty.list.end());
}

void set_first(const std::string& name) { ShareableList::attach(name).set(0, 42); }
void set_second(ShareableList list) { list.set(1, "child"); }

TEST(M10, AttachedByNamePassedAsAnArgumentAndThroughAQueue) {
  Listed made{ShareableList(test_name("list"), std::vector<Value>{1, "parent"})};
  EXPECT_EQ(made.list.shm().name(), test_name("list"));
  Process by_name(set_first, made.list.shm().name());
  Process by_handle(set_second, made.list);
  EXPECT_EQ(run(by_name), 0);
  EXPECT_EQ(run(by_handle), 0);
  EXPECT_EQ(made.list.values(), (std::vector<Value>{42, "child"}));
  Queue<ShareableList> queue;
  queue.put(made.list);
  ShareableList again = queue.get();
  EXPECT_EQ(again[0], Value(42));
  again.shm().close();
  EXPECT_EQ(code_of([&] { static_cast<void>(again[0]); }), ErrorCode::usage);
}

/// Attaches and uses what lies there, whatever it is. The codes that are allowed, or none.
std::optional<ErrorCode> use_all(const SharedMemory& block) {
  return code_of([&block] {
    ShareableList list(block);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto wrong = code_of([&] { static_cast<void>(list.get(i)); });
      if (wrong && *wrong != ErrorCode::protocol) throw Error(*wrong, "an element");
      const auto refused = code_of([&] { list.set(i, std::string(40, 'x')); });
      if (refused && *refused != ErrorCode::usage) throw Error(*refused, "a change");
    }
  });
}

TEST(M10, BytesThatAreNoListAreAnErrorOrWrongValuesAndNeverMore) {
  std::mt19937_64 random(10);
  const Listed made{ShareableList(one_of_each)};
  const auto good = made.list.shm().buf();
  const SharedMemory block = SharedMemory::create(test_name("fuzz"), good.size());
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::ranges::copy(good, block.buf().begin());
    const std::uint64_t changes = random() % 6;
    for (std::uint64_t k = 0; k <= changes; ++k) {
      const bool word = random() % 2 == 0;
      const std::size_t at = random() % good.size();
      if (word) {
        const std::uint64_t value = random() >> (random() % 64);
        std::memcpy(block.buf().data() + at / 8 * 8, &value,
                    std::min<std::size_t>(8, good.size() - at / 8 * 8));
      } else {
        block.buf()[at] = static_cast<std::byte>(random());
      }
    }
    const auto code = use_all(block);
    ASSERT_TRUE(!code || code == ErrorCode::protocol);
    refused += code ? 1 : 0;
  }
  EXPECT_GT(refused, 400);
  block.unlink();
}

TEST(M10, ACutOffBlockIsNoList) {
  const Listed made{ShareableList(one_of_each)};
  const auto good = made.list.shm().buf();
  for (std::size_t size = 1; size < good.size(); ++size) {
    const SharedMemory block = SharedMemory::create(test_name("cut"), size);
    std::ranges::copy(good.first(size), block.buf().begin());
    EXPECT_EQ(use_all(block), ErrorCode::protocol) << size;
    // Its head says the right size, but the elements are not there.
    if (size >= 24) std::memcpy(block.buf().data() + 16, &size, sizeof(size));
    EXPECT_EQ(use_all(block), ErrorCode::protocol) << size;
    block.unlink();
  }
}

TEST(SharedMemoryManager, WhatItMadeGoesWithIt) {
  std::vector<std::string> names;
  {
    SharedMemoryManager manager;
    names.push_back(manager.shared_memory(100).name());
    names.push_back(manager.shareable_list({1, "two"}).shm().name());
    const SharedMemory gone = manager.shared_memory(10);
    gone.unlink();
    for (const std::string& name : names) EXPECT_TRUE(is_there(name));
    Process user(set_first, names[1]);
    EXPECT_EQ(run(user), 0);
  }
  for (const std::string& name : names) EXPECT_FALSE(is_there(name));
  SharedMemoryManager manager;
  manager.shutdown();
  EXPECT_EQ(code_of([&] { static_cast<void>(manager.shared_memory(1)); }), ErrorCode::usage);
}

}  // namespace
}  // namespace forebay
