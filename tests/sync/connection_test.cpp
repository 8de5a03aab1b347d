#include "host/channel/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "host/channel/wait.h"
#include "host/sync/interrupt.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

/// The guide's example 5, until the other side closes.
void cube(Connection connection) {
  try {
    while (true) {
      auto numbers = connection.recv<std::vector<int>>();
      for (int& number : numbers) number = number * number * number;
      connection.send(numbers);
    }
  } catch (const ConnectionClosed&) {
  }
}

void write_to_what_comes(Connection connection) {
  const auto fd = connection.recv<UniqueFd>();
  connection.send(static_cast<int>(::write(fd.get(), "hello", 5)));
}

void send_much_and_die(Connection connection) {
  connection.send(std::string("whole"));
  connection.send_bytes(std::vector<std::byte>(std::size_t{64} << 20U));  // never read: blocks in the middle
}

TEST(Connection, ValuesGoThereAndBack) {
  auto [mine, theirs] = forebay::pipe();
  Children children;
  children.start(cube, std::move(theirs));
  mine.send(std::vector<int>{1, 2, 3});
  EXPECT_EQ(mine.recv<std::vector<int>>(), (std::vector<int>{1, 8, 27}));
  for (int i = 0; i < 1000; ++i) {
    mine.send(std::vector<int>{i});
    ASSERT_EQ(mine.recv<std::vector<int>>(), (std::vector<int>{i * i * i}));
  }
  mine.close();
  children.expect_good_ends();
}

TEST(Connection, MessagesThatAreLargerThanTheRing) {
  auto [mine, theirs] = forebay::pipe();
  std::thread other([end = std::move(theirs)]() mutable { end.send_bytes(end.recv_bytes()); });
  std::vector<std::byte> large(std::size_t{5} << 20U);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::byte>(i * 7);
  mine.send_bytes(large);
  EXPECT_EQ(mine.recv_bytes(), large);
  other.join();
}

TEST(Connection, BoundariesAreKeptAndNothingIsAMessage) {
  auto [mine, theirs] = forebay::pipe();
  mine.send_bytes(bytes_of("ab"));
  mine.send_bytes({});
  mine.send_bytes(bytes_of("c"));
  EXPECT_EQ(theirs.recv_bytes(), bytes_of("ab"));
  EXPECT_TRUE(theirs.poll());
  EXPECT_TRUE(theirs.recv_bytes().empty());
  EXPECT_EQ(theirs.recv_bytes(), bytes_of("c"));
  EXPECT_FALSE(theirs.poll());
}

TEST(Connection, OneWay) {
  auto [reader, writer] = forebay::pipe(PipeMode::one_way);
  EXPECT_TRUE(reader.readable());
  EXPECT_FALSE(reader.writable());
  EXPECT_THROW(reader.send(1), Error);
  EXPECT_THROW(static_cast<void>(writer.recv<int>()), Error);
  writer.send(5);
  EXPECT_EQ(reader.recv<int>(), 5);
}

TEST(Connection, IntoABuffer) {
  auto [mine, theirs] = forebay::pipe();
  mine.send_bytes(bytes_of("hello"));
  std::vector<std::byte> buffer(8);
  EXPECT_EQ(theirs.recv_bytes_into(buffer, 2), 5U);
  EXPECT_EQ(buffer[2], std::byte{'h'});
  EXPECT_THROW(theirs.recv_bytes_into(buffer, 9), Error);
  mine.send_bytes(bytes_of("much too long"));
  try {
    theirs.recv_bytes_into(buffer);
    FAIL();
  } catch (const BufferTooShort& error) {
    EXPECT_EQ(error.message(), bytes_of("much too long"));
  }
  mine.send_bytes(bytes_of("long"));
  EXPECT_THROW(static_cast<void>(theirs.recv_bytes(3)), Error);
  EXPECT_TRUE(theirs.closed());
}

TEST(Connection, PollWaitsAndSeesTheEnd) {
  auto [mine, theirs] = forebay::pipe();
  const auto begin = Clock::now();
  EXPECT_FALSE(mine.poll(100ms));
  EXPECT_GE(seconds_since(begin), 0.1);
  theirs.send(1);
  EXPECT_TRUE(mine.poll());
  theirs.close();
  EXPECT_EQ(mine.recv<int>(), 1);
  EXPECT_TRUE(mine.poll());
  EXPECT_THROW(static_cast<void>(mine.recv<int>()), ConnectionClosed);
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i) mine.send(std::string(100'000, 'x'));
      },
      ConnectionClosed);
}

TEST(Connection, ADescriptorGoesAlong) {
  auto [mine, theirs] = forebay::pipe();
  Children children;
  children.start(write_to_what_comes, std::move(theirs));
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  mine.send(UniqueFd(ends[1]));
  EXPECT_EQ(mine.recv<int>(), 5);
  char text[8] = {};
  EXPECT_EQ(::read(reader.get(), text, sizeof(text)), 5);
  children.expect_good_ends();
}

TEST(Connection, APeerKilledInAMessageIsTheEndAndTheMessageIsDropped) {
  auto [mine, theirs] = forebay::pipe();
  Children children;
  Process& sender = children.start(send_much_and_die, std::move(theirs));
  EXPECT_EQ(mine.recv<std::string>(), "whole");
  ASSERT_TRUE(mine.poll(patience));
  sender.kill();
  ASSERT_TRUE(sender.join(patience));
  const auto begin = Clock::now();
  EXPECT_THROW(static_cast<void>(mine.recv_bytes()), ConnectionClosed);
  EXPECT_LT(seconds_since(begin), 1.0);
}

TEST(Connection, AnotherTypeThanWasSentIsAnErrorAndNoCrash) {
  auto [mine, theirs] = forebay::pipe();
  mine.send(1);
  EXPECT_THROW(static_cast<void>(theirs.recv<std::string>()), Error);
}

TEST(Connection, CtrlCEndsARecv) {
  auto [mine, theirs] = forebay::pipe();
  const InterruptScope scope;
  ::kill(::getpid(), SIGINT);
  EXPECT_THROW(static_cast<void>(mine.recv<int>()), Interrupted);
}

TEST(WaitReady, ConnectionsSentinelsAndDescriptors) {
  auto [mine, theirs] = forebay::pipe();
  auto [quiet, quiet_other] = forebay::pipe();
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  Event never;
  Children children;
  Process& process = children.start([](Event event) { event.wait(patience); }, never);
  const std::vector<Waitable> all{&mine, &quiet, reader.get(), process.sentinel()};
  EXPECT_TRUE(wait_ready(all, -1s).empty());
  const auto begin = Clock::now();
  EXPECT_TRUE(wait_ready(all, 50ms).empty());
  EXPECT_GE(seconds_since(begin), 0.05);
  theirs.send(1);
  EXPECT_EQ(wait_ready(all, patience), (std::vector<std::size_t>{0}));
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  EXPECT_EQ(wait_ready(all, patience), (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(mine.recv<int>(), 1);
  process.kill();
  ASSERT_TRUE(process.join(patience));
  EXPECT_EQ(wait_ready(all, patience), (std::vector<std::size_t>{2, 3}));
  theirs.close();
  EXPECT_EQ(wait_ready(all, patience), (std::vector<std::size_t>{0, 2, 3}));
}

}  // namespace
}  // namespace forebay
