#include "host/process/thread_count.h"

#include <gtest/gtest.h>

#include <thread>

namespace forebay {
namespace {

TEST(ThreadCount, TellsThreadsThatAreEnding) {
  EXPECT_FALSE(detail::is_ending("7 (name) R 1 7 7 0 -1 4194304 95 0"));
  EXPECT_TRUE(detail::is_ending("7 (name) R 1 7 7 0 -1 4194308 95 0"));
  EXPECT_TRUE(detail::is_ending("7 (4) S (4) X 1 7 7 0 -1 4 95 0")) << "a name may look like anything";
  EXPECT_FALSE(detail::is_ending("7 (4) S (4) X 4 4 4 4 4 0 95 0"));
  for (const char* garbled :
       {"", ")", "7 (name", "7 (name) R 1 7", "7 (name) R 1 7 7 0 -1 ", "7 (n) R 1 7 7 0 -1 x"}) {
    EXPECT_FALSE(detail::is_ending(garbled)) << garbled;
  }
}

TEST(ThreadCount, AThreadThatWasJoinedIsNone) {
  const auto before = thread_count();
  ASSERT_TRUE(before);
  for (int i = 0; i < 3000; ++i) {
    std::jthread([] {}).join();
    ASSERT_EQ(thread_count(), before) << "after " << i;
  }
  std::jthread other([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  EXPECT_EQ(thread_count(), *before + 1);
}

}  // namespace
}  // namespace forebay
