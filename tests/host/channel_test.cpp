#include "host/channel/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "host/error.h"
#include "tests/host/open_fds.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;

struct Numbers {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};

using Largest = std::array<std::byte, limits::message_bytes_max>;

std::chrono::steady_clock::time_point in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

class ChannelTest : public ::testing::Test {
 protected:
  ReceiveResult receive() { return theirs_.try_receive(*received_); }

  /// What no Channel would send: any bytes, any number of descriptors.
  static void send_raw(int socket, std::size_t bytes, std::size_t fds) {
    std::vector<std::byte> text(bytes, std::byte{1});
    std::vector<std::byte> control(CMSG_SPACE(fds * sizeof(int)));
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fds > 0) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(fds * sizeof(int));
      const std::vector<int> copies(fds, STDERR_FILENO);
      std::memcpy(CMSG_DATA(rights), copies.data(), fds * sizeof(int));
    }
    ASSERT_EQ(::sendmsg(socket, &header, MSG_NOSIGNAL), static_cast<ssize_t>(bytes));
  }

  std::pair<Channel, Channel> pair_ = Channel::pair();
  Channel& mine_ = pair_.first;
  Channel& theirs_ = pair_.second;
  std::unique_ptr<Received> received_ = std::make_unique<Received>();
};

TEST_F(ChannelTest, CarriesWholeMessagesInOrder) {
  ASSERT_EQ(mine_.try_send(Numbers{1, 2}), SendResult::sent);
  ASSERT_EQ(mine_.try_send(std::uint8_t{3}), SendResult::sent);
  ASSERT_EQ(receive(), ReceiveResult::received);
  const auto numbers = received_->as<Numbers>();
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->first, 1U);
  EXPECT_EQ(numbers->second, 2U);
  ASSERT_EQ(receive(), ReceiveResult::received);
  EXPECT_EQ(received_->size, 1U);
  EXPECT_FALSE(received_->as<Numbers>()) << "another size is another message";
  EXPECT_EQ(receive(), ReceiveResult::would_block);
}

TEST_F(ChannelTest, IsDuplex) {
  ASSERT_EQ(theirs_.try_send(Numbers{4, 5}), SendResult::sent);
  ASSERT_EQ(mine_.try_receive(*received_), ReceiveResult::received);
  EXPECT_EQ(received_->as<Numbers>()->second, 5U);
}

TEST_F(ChannelTest, TheLargestMessageArrivesWhole) {
  Largest message;
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::byte>(i % 251);
  ASSERT_EQ(mine_.try_send(message), SendResult::sent);
  ASSERT_EQ(receive(), ReceiveResult::received);
  EXPECT_EQ(received_->as<Largest>(), message);
}

TEST_F(ChannelTest, DescriptorsArriveCloseOnExecAndStayTheSenders) {
  const UniqueFd file(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const std::vector<int> fds(limits::message_fds_max, file.get());
  const std::size_t before = open_fds();
  ASSERT_EQ(mine_.try_send(Numbers{}, fds), SendResult::sent);
  ASSERT_EQ(receive(), ReceiveResult::received);
  ASSERT_EQ(received_->fds.size(), fds.size());
  for (const UniqueFd& fd : received_->fds) {
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
    std::uint32_t zero = 1;
    EXPECT_EQ(::read(fd.get(), &zero, sizeof(zero)), static_cast<ssize_t>(sizeof(zero)));
    EXPECT_EQ(zero, 0U);
  }
  EXPECT_EQ(open_fds(), before + fds.size());
  EXPECT_EQ(receive(), ReceiveResult::would_block) << "the next receive closes what the last one brought";
  EXPECT_EQ(open_fds(), before);
  EXPECT_NE(::fcntl(file.get(), F_GETFD), -1);
}

TEST_F(ChannelTest, AMessageThatIsTooLongIsAProtocolErrorAndTheNextOneArrives) {
  send_raw(mine_.fd(), limits::message_bytes_max + 1, 0);
  ASSERT_EQ(mine_.try_send(Numbers{7, 8}), SendResult::sent);
  try {
    static_cast<void>(receive());
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::protocol);
  }
  ASSERT_EQ(receive(), ReceiveResult::received);
  EXPECT_EQ(received_->as<Numbers>()->first, 7U);
}

TEST_F(ChannelTest, TooManyDescriptorsAreAProtocolErrorAndAllAreClosed) {
  const std::size_t before = open_fds();
  send_raw(mine_.fd(), 8, limits::message_fds_max + 1);
  EXPECT_THROW(static_cast<void>(receive()), Error);
  EXPECT_EQ(open_fds(), before);
}

TEST_F(ChannelTest, DescriptorsBeyondTheLimitOfOpenFilesAreAProtocolErrorAndNoneLeaks) {
  const std::size_t before = open_fds();
  send_raw(mine_.fd(), 8, 4);
  rlimit saved{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
  const UniqueFd highest(::fcntl(mine_.fd(), F_DUPFD_CLOEXEC, 0));  // the lowest free number
  const rlimit tight{static_cast<rlim_t>(highest.get()) + 2, saved.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::string message;
  try {
    static_cast<void>(receive());
  } catch (const Error& error) {
    message = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
  EXPECT_NE(message.find("ulimit -n"), std::string::npos) << message;
  EXPECT_EQ(open_fds(), before + 1);
}

TEST_F(ChannelTest, AClosedPeerIsClosedBothWaysWithoutASignal) {
  theirs_.close();
  EXPECT_EQ(mine_.try_receive(*received_), ReceiveResult::closed);
  EXPECT_EQ(mine_.try_send(Numbers{}), SendResult::closed);  // SIGPIPE would end this test
  EXPECT_EQ(mine_.receive_until(*received_, in(10s)), ReceiveResult::closed);
  EXPECT_EQ(mine_.send_until(std::as_bytes(std::span("x")), {}, in(10s)), SendResult::closed);
}

TEST_F(ChannelTest, TheLastMessagesOfAPeerArriveThoughItNeverReadOurs) {
  // The kernel reports such an end as ECONNRESET, ahead of the messages.
  ASSERT_EQ(mine_.try_send(Numbers{1, 1}), SendResult::sent);
  ASSERT_EQ(theirs_.try_send(Numbers{2, 2}), SendResult::sent);
  ASSERT_EQ(theirs_.try_send(Numbers{3, 3}), SendResult::sent);
  theirs_.close();
  ASSERT_EQ(mine_.try_receive(*received_), ReceiveResult::received);
  EXPECT_EQ(received_->as<Numbers>()->first, 2U);
  ASSERT_EQ(mine_.try_receive(*received_), ReceiveResult::received);
  EXPECT_EQ(received_->as<Numbers>()->first, 3U);
  EXPECT_EQ(mine_.try_receive(*received_), ReceiveResult::closed);
  EXPECT_EQ(mine_.try_receive(*received_), ReceiveResult::closed);
}

TEST_F(ChannelTest, AnEmptyMessageCountsAsClosedAndItsDescriptorsAreClosed) {
  const std::size_t before = open_fds();
  send_raw(mine_.fd(), 0, 2);
  EXPECT_EQ(receive(), ReceiveResult::closed);
  EXPECT_EQ(open_fds(), before);
}

TEST_F(ChannelTest, TwoLargestMessagesAlwaysFitAndAFullChannelWouldBlock) {
  const auto message = std::make_unique<Largest>();
  std::size_t sent = 0;
  while (mine_.try_send(*message) == SendResult::sent) ++sent;
  EXPECT_GE(sent, limits::worker_credits);
  EXPECT_LT(sent, 1000U) << "a channel is bounded";
  EXPECT_EQ(mine_.try_send(*message), SendResult::would_block);
  EXPECT_EQ(mine_.send_until(*message, {}, in(0ms)), SendResult::would_block);
  std::size_t arrived = 0;
  while (receive() == ReceiveResult::received) ++arrived;
  EXPECT_EQ(arrived, sent);
  EXPECT_EQ(mine_.try_send(*message), SendResult::sent);
}

TEST_F(ChannelTest, WaitsForRoomAndForMessages) {
  const auto message = std::make_unique<Largest>();
  std::size_t sent = 0;
  while (mine_.try_send(*message) == SendResult::sent) ++sent;
  std::size_t arrived = 0;
  std::thread reader([&] {
    const auto into = std::make_unique<Received>();
    while (theirs_.receive_until(*into, in(30s)) == ReceiveResult::received) ++arrived;
  });
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(mine_.send_until(*message, {}, in(30s)), SendResult::sent);
    ++sent;
  }
  mine_.close();
  reader.join();
  EXPECT_EQ(arrived, sent);
}

TEST_F(ChannelTest, ADeadlineInThePastOnlyLooks) {
  EXPECT_EQ(theirs_.receive_until(*received_, std::chrono::steady_clock::time_point::min()),
            ReceiveResult::would_block);
  ASSERT_EQ(mine_.try_send(Numbers{}), SendResult::sent);
  EXPECT_EQ(theirs_.receive_until(*received_, std::chrono::steady_clock::time_point::min()),
            ReceiveResult::received);
}

TEST_F(ChannelTest, BothEndsAreCloseOnExecAndNonBlocking) {
  for (const int fd : {mine_.fd(), theirs_.fd()}) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
}

using ChannelDeathTest = ChannelTest;

TEST_F(ChannelDeathTest, AnEmptyMessageBreaksTheContract) {
  EXPECT_DEATH(static_cast<void>(mine_.try_send_bytes({}, {})), "broken contract");
}

}  // namespace
}  // namespace forebay
