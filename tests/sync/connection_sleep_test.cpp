// How the ends of a pipe sleep, and what wakes them: messages, room, the other side's end.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/channel/connection.h"
#include "host/channel/wait.h"
#include "host/sync/interrupt.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

constexpr std::size_t above_the_ring = std::size_t{1} << 20U;

/// A sleeper that only a look every limits::pipe_look would wake is too late for this.
constexpr auto at_once = limits::pipe_look / 2;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Seconds from a step on one end to the end of a thread's work on the other, which began a moment before.
/// Median of several, as the machine may be busy.
template <typename Work, typename Step>
double seconds_to_wake(std::chrono::milliseconds moment, Work work, Step step) {
  std::vector<double> seconds;
  for (int i = 0; i < 9; ++i) {
    auto [mine, theirs] = forebay::pipe();
    std::promise<Clock::time_point> done;
    std::thread sleeper([&done, &work, end = std::move(mine)]() mutable {
      work(end);
      done.set_value(Clock::now());
    });
    std::this_thread::sleep_for(moment);  // it sleeps by now, most times
    const auto begin = Clock::now();
    step(theirs);
    auto end = done.get_future();
    if (end.wait_for(patience) != std::future_status::ready) throw std::runtime_error("it sleeps for ever");
    seconds.push_back(std::chrono::duration<double>(end.get() - begin).count());
    sleeper.join();
  }
  return median(seconds);
}

void expect_the_end_on_recv(Connection& end) {
  EXPECT_THROW(static_cast<void>(end.recv<int>()), ConnectionClosed);
}
void expect_the_end_on_send(Connection& end) {
  EXPECT_THROW(end.send_bytes(std::vector<std::byte>(above_the_ring)), ConnectionClosed);
}
void close(Connection& end) { end.close(); }

constexpr double wakes_within = std::chrono::duration<double>(at_once).count();

TEST(ConnectionSleep, AMessageWakesAReceiverHoweverLongItSleeps) {
  const auto receive = [](Connection& end) { EXPECT_EQ(end.recv<int>(), 5); };
  const auto send = [](Connection& end) { end.send(5); };
  EXPECT_LT(seconds_to_wake(5ms, receive, send), wakes_within) << "on the ring's word";
  EXPECT_LT(seconds_to_wake(2 * limits::pipe_look, receive, send), wakes_within) << "on its socket";
}

TEST(ConnectionSleep, ACloseWakesAReceiverAtOnce) {
  EXPECT_LT(seconds_to_wake(5ms, expect_the_end_on_recv, close), wakes_within);
  EXPECT_LT(seconds_to_wake(2 * limits::pipe_look, expect_the_end_on_recv, close), wakes_within);
}

TEST(ConnectionSleep, ACloseWakesASenderAtOnce) {
  EXPECT_LT(seconds_to_wake(5ms, expect_the_end_on_send, close), wakes_within);
  EXPECT_LT(seconds_to_wake(2 * limits::pipe_look, expect_the_end_on_send, close), wakes_within);
}

TEST(ConnectionSleep, AnEndThatGoesOutOfScopeIsClosed) {
  const auto drop = [](Connection& end) { const Connection gone = std::move(end); };
  const auto replace = [](Connection& end) { end = Connection(); };
  EXPECT_LT(seconds_to_wake(5ms, expect_the_end_on_recv, drop), wakes_within);
  EXPECT_LT(seconds_to_wake(5ms, expect_the_end_on_recv, replace), wakes_within);
}

TEST(ConnectionSleep, RoomWakesASender) {
  const auto send = [](Connection& end) { end.send_bytes(std::vector<std::byte>(above_the_ring)); };
  const auto receive = [](Connection& end) { EXPECT_EQ(end.recv_bytes().size(), above_the_ring); };
  EXPECT_LT(seconds_to_wake(5ms, send, receive), wakes_within);
  EXPECT_LT(seconds_to_wake(2 * limits::pipe_look, send, receive), wakes_within);
}

/// The close races with the announcement of the sleep, at every distance between the two. On a busy machine a
/// few of the threads come late to their core.
TEST(ConnectionSleep, ACloseIsNeverMissed) {
  constexpr int tries = 1000;
  int late = 0;
  for (int i = 0; i < tries; ++i) {
    auto [mine, theirs] = forebay::pipe();
    std::atomic<bool> go{false};
    Clock::time_point closed;
    std::thread closer([&go, &closed, i, end = std::move(theirs)]() mutable {
      while (!go) spin_pause();
      for (int j = 0; j < i; ++j) spin_pause();
      closed = Clock::now();
      end.close();
    });
    go = true;
    expect_the_end_on_recv(mine);
    const auto woken = Clock::now();
    closer.join();
    if (woken - closed >= at_once) ++late;
  }
  EXPECT_LE(late, tries / 5) << "the look, not the close, has woken these";
}

TEST(ConnectionSleep, AnotherCopysCloseIsNotTheEnd) {
  auto [mine, theirs] = forebay::pipe();
  std::promise<int> got;
  std::thread receiver([&got, end = std::move(mine)]() mutable { got.set_value(end.recv<int>()); });
  Encoder encoder;
  encode(encoder, theirs);
  Encoded passed = encoder.take();
  Decoder decoder(passed.bytes, passed.fds);
  auto copy = decode<Connection>(decoder);
  std::this_thread::sleep_for(5ms);
  theirs.close();
  auto future = got.get_future();
  EXPECT_EQ(future.wait_for(2 * limits::pipe_look), std::future_status::timeout) << "it sleeps on";
  copy.send(7);
  ASSERT_EQ(future.wait_for(patience), std::future_status::ready);
  EXPECT_EQ(future.get(), 7);
  receiver.join();
}

TEST(ConnectionSleep, ASendAfterTheOtherSidesCloseIsAnErrorAtOnce) {
  auto [mine, theirs] = forebay::pipe();
  mine.send(1);
  theirs.close();
  EXPECT_THROW(mine.send(2), ConnectionClosed);
  EXPECT_THROW(static_cast<void>(mine.recv<int>()), ConnectionClosed);
  double least = wakes_within;
  for (int i = 0; i < 5; ++i) {
    const auto begin = Clock::now();
    EXPECT_THROW(static_cast<void>(mine.recv<int>()), ConnectionClosed) << "again";
    least = std::min(least, seconds_since(begin));
  }
  EXPECT_LT(least, wakes_within);
}

void stay_with(Connection end, Event there) {
  there.set();
  Event never;
  never.wait(patience);
  end.close();
}

/// A peer's death while this side is in `work`, at once or when it has slept for long.
template <typename Work>
void expect_death_ends(Work work) {
  for (const auto moment : {5ms, 3 * std::chrono::milliseconds(limits::pipe_look)}) {
    auto [mine, theirs] = forebay::pipe();
    Event there;
    Children children;
    Process& peer = children.start(stay_with, std::move(theirs), there);
    ASSERT_TRUE(there.wait(patience));
    std::promise<Clock::time_point> done;
    std::thread sleeper([&] {
      work(mine);
      done.set_value(Clock::now());
    });
    std::this_thread::sleep_for(moment);
    const auto begin = Clock::now();
    peer.kill();
    auto end = done.get_future();
    if (end.wait_for(patience) != std::future_status::ready) throw std::runtime_error("it sleeps for ever");
    EXPECT_LT(end.get() - begin, within);
    sleeper.join();
  }
}

TEST(ConnectionSleep, AKilledPeerEndsARecvASendAndAPoll) {
  expect_death_ends(expect_the_end_on_recv);
  expect_death_ends(expect_the_end_on_send);
  expect_death_ends([](Connection& end) { EXPECT_TRUE(end.poll(patience)); });
  expect_death_ends([](Connection& end) {
    const std::vector<Waitable> all{&end};
    EXPECT_EQ(wait_ready(all, patience), (std::vector<std::size_t>{0}));
  });
}

TEST(ConnectionSleep, AnIdleReceiverIsNeverWoken) {
  auto [mine, theirs] = forebay::pipe();
  rusage before{};
  rusage after{};
  ASSERT_EQ(::getrusage(RUSAGE_THREAD, &before), 0);
  EXPECT_FALSE(mine.poll(1s));
  ASSERT_EQ(::getrusage(RUSAGE_THREAD, &after), 0);
  EXPECT_LE(after.ru_nvcsw - before.ru_nvcsw, 4) << "one sleep on the word, one on the socket";
}

TEST(ConnectionSleep, NothingIsWrittenToTheSocketForWhoSleepsOnTheWord) {
  auto [mine, theirs] = forebay::pipe();
  std::thread echo([end = std::move(theirs)]() mutable {
    try {
      while (true) end.send(end.recv<int>());
    } catch (const ConnectionClosed&) {
    }
  });
  int slow = 0;  // turns in which a side may have slept long enough to go to its socket
  int rung = 0;
  for (int i = 0; i < 200; ++i) {
    const auto begin = Clock::now();
    mine.send(i);
    EXPECT_EQ(mine.recv<int>(), i);
    if (Clock::now() - begin >= limits::pipe_look) ++slow;
    pollfd entry{mine.fileno(), POLLIN, 0};
    rung += ::poll(&entry, 1, 0) == 1 ? 1 : 0;
  }
  EXPECT_TRUE(rung == 0 || slow > 0) << rung;
  mine.close();
  echo.join();
}

TEST(ConnectionSleep, CtrlCEndsARecvAndASendThatSleep) {
  auto [mine, theirs] = forebay::pipe();
  for (const auto moment : {5ms, 3 * std::chrono::milliseconds(limits::pipe_look)}) {
    const InterruptScope scope;
    const auto interrupt_later = [moment] {
      return std::thread([moment] {
        std::this_thread::sleep_for(moment);
        ::kill(::getpid(), SIGINT);
      });
    };
    const auto begin = Clock::now();
    std::thread signaller = interrupt_later();
    EXPECT_THROW(static_cast<void>(mine.recv<int>()), Interrupted);
    signaller.join();
    EXPECT_LT(Clock::now() - begin, moment + within);
  }
  const InterruptScope scope;
  std::thread signaller([] {
    std::this_thread::sleep_for(20ms);
    ::kill(::getpid(), SIGINT);
  });
  EXPECT_THROW(mine.send_bytes(std::vector<std::byte>(above_the_ring)), Interrupted);
  signaller.join();
}

/// Large messages, so that both sides wait for room and for messages, and descriptors among them.
void send_many(Connection& end, int count) {
  for (int i = 0; i < count; ++i) {
    if (i % 8 == 7) {
      end.send(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    } else {
      end.send(std::vector<int>(static_cast<std::size_t>(i % 4) * 20'000, i));
    }
  }
}

void receive_many(Connection& end, int count) {
  for (int i = 0; i < count; ++i) {
    if (i % 8 == 7) {
      ASSERT_GE(::fcntl(end.recv<UniqueFd>().get(), F_GETFD), 0);
    } else {
      ASSERT_EQ(end.recv<std::vector<int>>(), std::vector<int>(static_cast<std::size_t>(i % 4) * 20'000, i));
    }
  }
}

TEST(ConnectionSleep, AnEndSendsAndReceivesAtTheSameTime) {
  constexpr int count = 400;
  auto [mine, theirs] = forebay::pipe();
  std::thread a([&end = mine] { send_many(end, count); });
  std::thread b([&end = theirs] { send_many(end, count); });
  std::thread c([&end = theirs] { receive_many(end, count); });
  receive_many(mine, count);
  a.join();
  b.join();
  c.join();
  EXPECT_FALSE(mine.poll());
}

}  // namespace
}  // namespace forebay
