// A process is killed at each of its steps in put() and get(): the queue goes on, and no other message is
// lost, delivered twice, or out of its producer's order.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "host/channel/queue.h"
#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

constexpr int each = 60;           // messages of a producer
constexpr int stride = 1000;       // between the producers' numbers
constexpr std::uint32_t room = 4;  // so that producers and consumers wait for each other

/// The environment in which a process dies at the n-th time that it comes to a place.
class Death {
 public:
  Death(const std::string& place, int n)
      : token_(std::filesystem::temp_directory_path() /
               ("forebay-pitfall2-" + std::to_string(::getpid()) + place + std::to_string(n))) {
    const int fd = ::open(token_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
    options_.environment["FOREBAY_CRASH_POINT"] = place + ":" + std::to_string(n) + ":" + token_;
  }
  Death(const Death&) = delete;
  Death& operator=(const Death&) = delete;
  ~Death() { ::unlink(token_.c_str()); }
  [[nodiscard]] const ProcessOptions& options() const noexcept { return options_; }

 private:
  std::string token_;
  ProcessOptions options_;
};

void produce(Queue<int> queue, int who) {
  for (int i = 0; i < each; ++i) queue.put(who * stride + i);
}

/// What it has got for sure it says in `seen`, by producer and number.
void consume(Queue<int> queue, Array<int> seen) {
  try {
    while (true) {
      const int message = queue.get();
      std::atomic_ref<int>(seen[static_cast<std::size_t>(message / stride * each + message % stride)])
          .fetch_add(1);
    }
  } catch (const QueueClosed&) {
    return;
  }
}

struct Got {
  int message;
  bool again;  // a consumer died while it had it
};

/// Everything that is left, until both producers have ended.
std::vector<Got> drain(Queue<int>& queue, std::array<Process*, 2> producers) {
  std::vector<Got> all;
  const auto deadline = Clock::now() + patience;
  while (Clock::now() < deadline) {
    const bool ended = !producers[0]->is_alive() && !producers[1]->is_alive();
    try {
      const auto one = queue.get_delivered(Clock::now() + 50ms);
      all.push_back({one.value, one.deliveries_before != 0});
    } catch (const QueueEmpty&) {
      if (ended) return all;
    }
  }
  ADD_FAILURE() << "the queue is stuck";
  return all;
}

/// One that comes again comes when its consumer's death was noticed: later ones may have gone before.
void expect_in_order(const std::vector<Got>& all) {
  std::array<int, 2> last{-1, -1};
  for (const Got& one : all) {
    if (one.again) continue;
    int& before = last[static_cast<std::size_t>(one.message / stride)];
    EXPECT_GT(one.message % stride, before) << "out of order, or twice";
    before = one.message % stride;
  }
}

void producer_dies_at(const std::string& place, int n) {
  const Death death(place, n);
  Queue<int> queue(room);
  Process victim(death.options(), produce, queue, 0);
  Process other(produce, queue, 1);
  victim.start();
  other.start();
  const std::vector<Got> all = drain(queue, {&victim, &other});
  ASSERT_TRUE(victim.join(patience) && other.join(patience));
  EXPECT_EQ(victim.exit_code(), -SIGKILL) << "it did not come to " << place;
  EXPECT_EQ(other.exit_code(), 0);
  expect_in_order(all);
  std::array<int, 2> count{};
  for (const Got& one : all) {
    EXPECT_FALSE(one.again) << "no consumer has died";
    ++count[static_cast<std::size_t>(one.message / stride)];
  }
  // The one that it was about to put may have come or not.
  EXPECT_TRUE(count[0] == n - 1 || count[0] == n) << count[0];
  EXPECT_EQ(count[1], each);
}

void consumer_dies_at(const std::string& place, int n) {
  const Death death(place, n);
  Queue<int> queue(room);
  Array<int> seen(2 * each);
  Process victim(death.options(), consume, queue, seen);
  Process first(produce, queue, 0);
  Process second(produce, queue, 1);
  victim.start();
  first.start();
  second.start();
  ASSERT_TRUE(victim.join(patience));
  EXPECT_EQ(victim.exit_code(), -SIGKILL) << "it did not come to " << place;
  const std::vector<Got> all = drain(queue, {&first, &second});
  ASSERT_TRUE(first.join(patience) && second.join(patience));
  expect_in_order(all);
  std::vector<int> counts = seen.copy();
  int again = 0;
  for (const Got& one : all) {
    ++counts[static_cast<std::size_t>(one.message / stride * each + one.message % stride)];
    again += one.again ? 1 : 0;
  }
  int missing = 0;
  for (const int count : counts) {
    EXPECT_LE(count, 1) << "delivered twice, to one who went on";
    missing += count == 0 ? 1 : 0;
  }
  // Only the one that it had: given back, and marked so; or taken for good, and gone with it.
  EXPECT_EQ(missing + again, 1);
  EXPECT_EQ(missing, place == "queue.released" ? 1 : 0);
}

TEST(Pitfall2, AProducerIsKilledAtEachStepOfPut) {
  for (const char* place : {"queue.reserved", "queue.written", "queue.committed"}) {
    for (const int n : {1, 2, 20}) {
      SCOPED_TRACE(std::string(place) + " " + std::to_string(n));
      producer_dies_at(place, n);
    }
  }
}

TEST(Pitfall2, AConsumerIsKilledAtEachStepOfGet) {
  for (const char* place : {"queue.taken", "queue.read", "queue.released"}) {
    for (const int n : {1, 2, 20}) {
      SCOPED_TRACE(std::string(place) + " " + std::to_string(n));
      consumer_dies_at(place, n);
    }
  }
}

}  // namespace
}  // namespace forebay
