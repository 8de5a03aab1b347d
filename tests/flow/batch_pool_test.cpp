#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "pipeline/batch_buffer.h"

namespace forebay {
namespace {

TEST(BatchPool, UsesMemoryAgain) {
  const auto pool = std::make_shared<BatchPool>(1);
  const std::byte* first = pool->take(1000)->bytes().data();
  EXPECT_EQ(pool->take(1000)->bytes().data(), first);
}

TEST(BatchPool, GrowsWhereMoreIsAsked) {
  const auto pool = std::make_shared<BatchPool>(1);
  static_cast<void>(pool->take(1000));
  const auto large = pool->take(5 << 20);
  ASSERT_GE(large->bytes().size(), std::size_t{5} << 20U);
  std::memset(large->bytes().data(), 1, large->bytes().size());
}

TEST(BatchPool, BlocksUntilABufferComesBack) {
  const auto pool = std::make_shared<BatchPool>(1);
  auto held = pool->take(64);
  std::jthread other([&] { held.reset(); });
  EXPECT_TRUE(pool->take(64));
}

TEST(BatchPool, ABufferOutlivesThePool) {
  auto pool = std::make_shared<BatchPool>(1);
  const auto held = pool->take(64);
  pool.reset();
  held->bytes()[63] = std::byte{1};
}

}  // namespace
}  // namespace forebay
