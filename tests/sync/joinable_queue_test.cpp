#include <gtest/gtest.h>

#include "host/channel/queue.h"
#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

using Work = JoinableQueue<std::optional<int>>;

void work(Work queue, Value<int> done) {
  while (const auto item = queue.get()) {
    done.fetch_add(*item);
    queue.task_done();
  }
  queue.task_done();
}

void take_and_stay(Work queue, Event there) {
  static_cast<void>(queue.get());
  stay(std::move(there));
}

TEST(Q6, JoinWaitsForTaskDone) {
  Work queue(10);
  Value<int> done(0);
  Children children;
  for (int i = 0; i < 3; ++i) children.start(work, queue, done);
  for (int i = 0; i < 100; ++i) queue.put(1);
  ASSERT_TRUE(queue.join(patience));
  EXPECT_EQ(done.load(), 100);
  for (int i = 0; i < 3; ++i) queue.put(std::nullopt);
  ASSERT_TRUE(queue.join(patience));
  children.expect_good_ends();
}

TEST(Q6, ATaskDoneTooManyIsAnError) {
  Work queue;
  EXPECT_THROW(queue.task_done(), Error);
  queue.put(1);
  EXPECT_FALSE(queue.join(50ms));
  static_cast<void>(queue.get());
  EXPECT_FALSE(queue.join(0ns));
  queue.task_done();
  EXPECT_TRUE(queue.join(1s));
  EXPECT_THROW(queue.task_done(), Error);
}

TEST(JoinableQueue, WorkOfAKilledConsumerIsDoneByAnother) {
  Work queue;
  queue.put(5);
  Event there;
  Children children;
  Process& consumer = children.start(take_and_stay, queue, there);
  ASSERT_TRUE(there.wait(patience));
  EXPECT_FALSE(queue.join(50ms));
  consumer.kill();
  EXPECT_EQ(queue.get(within + 1s), 5);
  queue.task_done();
  EXPECT_TRUE(queue.join(1s));
}

}  // namespace
}  // namespace forebay
