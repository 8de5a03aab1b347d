// Clients that mean no good, listeners that end, and other users: nobody else has to wait for them.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "host/channel/connect.h"
#include "host/channel/handshake.h"
#include "host/channel/listener.h"
#include "tests/sync/listener_peers.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

constexpr uid_t nobody = 65534;

void send_raw(const UniqueFd& fd, std::size_t bytes, int fill) {
  const std::vector<char> message(bytes, static_cast<char>(fill));
  static_cast<void>(::send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

/// Connects, does `harm`, and stays until it is killed.
template <typename Harm>
void harm_and_stay(const std::string& address, Event done, Harm harm) {
  const UniqueFd fd = raw_connect(address);
  harm(fd);
  stay(done);
}
void say_nothing(std::string address, Event done) {
  harm_and_stay(address, done, [](const UniqueFd&) {});
}
void say_garbage(std::string address, Event done) {
  harm_and_stay(address, done, [](const UniqueFd& fd) { send_raw(fd, 10, 7); });
}
void say_garbage_of_the_right_size(std::string address, Event done) {
  harm_and_stay(address, done, [](const UniqueFd& fd) { send_raw(fd, sizeof(detail::Answer), 7); });
}
void say_too_much(std::string address, Event done) {
  harm_and_stay(address, done, [](const UniqueFd& fd) { send_raw(fd, 50'000, 7); });
}
void say_much_and_often(std::string address, Event done) {
  harm_and_stay(address, done, [](const UniqueFd& fd) {
    for (int i = 0; i < 1000; ++i) send_raw(fd, 100, 7);
  });
}
void give_descriptors(std::string address, Event done) {
  harm_and_stay(address, done, [](const UniqueFd& fd) {
    Channel channel{UniqueFd(::dup(fd.get()))};
    const std::vector<int> fds(limits::message_fds_max, STDERR_FILENO);
    static_cast<void>(channel.try_send(detail::Answer{}, fds));
  });
}
void connect_often(std::string address, Event done) {
  std::vector<UniqueFd> many;
  for (int i = 0; i < 200; ++i) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const detail::SocketAddress where(address);
    static_cast<void>(::connect(fd.get(), static_cast<const sockaddr*>(where.raw()), where.raw_bytes()));
    many.push_back(std::move(fd));
  }
  stay(done);
}

TEST(Listener, HostileClientsHoldUpNobody) {
  for (auto* harm : {say_nothing, say_garbage, say_garbage_of_the_right_size, say_too_much,
                     say_much_and_often, give_descriptors, connect_often}) {
    Listener listener({}, {.handshake = 20s});
    Children children;
    Event done;
    children.start(harm, listener.address(), done);
    ASSERT_TRUE(done.wait(patience));
    expect_lets_in(listener);
  }
}

/// Connects and hangs up, without end.
void flood(std::string address, Event there) {
  there.set();
  while (true) static_cast<void>(raw_connect(address));
}

TEST(Listener, AFloodHoldsUpNobodyForLong) {
  Listener listener;
  Children children;
  Event there;
  children.start(flood, listener.address(), there);
  ASSERT_TRUE(there.wait(patience));
  for (int i = 0; i < 5; ++i) expect_lets_in(listener, 10s);
}

TEST(Listener, GarbageAndSilenceAreDroppedAndCounted) {
  Listener listener({}, {.handshake = 50ms});
  const UniqueFd silent = raw_connect(listener.address());
  const UniqueFd loud = raw_connect(listener.address());
  send_raw(loud, 10, 7);
  const auto begin = Clock::now();
  while (listener.dropped() < 2 && seconds_since(begin) < 20) EXPECT_FALSE(listener.accept(20ms));
  EXPECT_EQ(listener.dropped(), 2U);
  std::array<char, 256> greeting{};
  EXPECT_GT(::recv(silent.get(), greeting.data(), greeting.size(), 0), 0);
  EXPECT_EQ(::recv(silent.get(), greeting.data(), greeting.size(), 0), 0);  // the end
}

TEST(Listener, NobodyIsDroppedBecauseNobodyAccepted) {
  Listener listener({}, {.handshake = 100ms});
  // Its own hand: a thread that came late to its core would rightly be dropped.
  Channel client(raw_connect(listener.address()));
  std::this_thread::sleep_for(150ms);
  EXPECT_FALSE(listener.accept(0ns)) << "it only greets";
  Received received;
  ASSERT_EQ(client.receive_until(received, Clock::now() + patience), ReceiveResult::received);
  ASSERT_EQ(client.try_send(detail::Answer{}), SendResult::sent);
  std::this_thread::sleep_for(150ms);
  EXPECT_TRUE(listener.accept(0ns));
  EXPECT_EQ(listener.dropped(), 0U);
  ASSERT_EQ(client.receive_until(received, Clock::now() + patience), ReceiveResult::received);
  ASSERT_TRUE(received.as<detail::Welcome>());
  EXPECT_EQ(received.as<detail::Welcome>()->verdict, detail::Verdict::welcome);
}

TEST(Listener, ClientsThatAreKilledInTheHandshake) {
  Listener listener;
  Children children;
  for (int i = 0; i < 3; ++i) {
    Event done;
    Process& process = children.start(say_nothing, listener.address(), done);
    ASSERT_TRUE(done.wait(patience));
    EXPECT_FALSE(listener.accept(i == 0 ? 0ns : 20ms));  // has it in the backlog, or greets it
    process.kill();
    ASSERT_TRUE(process.join(patience));
  }
  expect_lets_in(listener);
  EXPECT_EQ(listener.dropped(), 3U);
}

TEST(Listener, AFullBacklogIsATimeoutForTheClient) {
  Listener listener({}, {.backlog = 1});
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 2; ++i) waiting.push_back(raw_connect(listener.address()));
  const auto begin = Clock::now();
  try {
    static_cast<void>(connect(listener.address(), {.timeout = 150ms}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::timeout);
    EXPECT_NE(std::string(error.what()).find("backlog"), std::string::npos) << error.what();
  }
  EXPECT_GE(seconds_since(begin), 0.15);
  EXPECT_LT(seconds_since(begin), 5.0);
  waiting.clear();
  expect_lets_in(listener);
}

TEST(Listener, OneThatNeverAcceptsIsATimeoutForTheClient) {
  const Listener listener;
  for (const auto timeout : {0ms, 100ms}) {
    const auto begin = Clock::now();
    EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(listener.address(), {.timeout = timeout})); }),
              failed_as(ErrorCode::timeout));
    EXPECT_GE(Clock::now() - begin, timeout);
    EXPECT_LT(seconds_since(begin), 5.0);
  }
}

void listen_and_say_nothing(std::string address, Event there) {
  const Listener listener(address);
  stay(there);
}

TEST(Listener, OneThatIsKilledWhileAClientWaits) {
  const Folder folder;
  Children children;
  Event there;
  Process& process = children.start(listen_and_say_nothing, folder.file("socket"), there);
  ASSERT_TRUE(there.wait(patience));
  auto client = std::async(std::launch::async, [&] {
    return outcome_of([&] { static_cast<void>(connect(folder.file("socket"), options_with({}))); });
  });
  EXPECT_EQ(client.wait_for(50ms), std::future_status::timeout);
  const auto begin = Clock::now();
  process.kill();
  EXPECT_EQ(client.get(), failed_as(ErrorCode::peer_died));
  EXPECT_LT(seconds_since(begin), 3.0);
}

TEST(Listener, WhatIsNoForebayListener) {
  const Folder folder;
  const UniqueFd stream = raw_listener(folder.file("stream"), SOCK_STREAM);
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(folder.file("stream"))); }),
            failed_as(ErrorCode::protocol));
  const UniqueFd packets = raw_listener(folder.file("packets"));
  auto client = std::async(std::launch::async, [&] {
    return outcome_of([&] { static_cast<void>(connect(folder.file("packets"), options_with({}))); });
  });
  const UniqueFd accepted(::accept4(packets.get(), nullptr, nullptr, SOCK_CLOEXEC));
  send_raw(accepted, sizeof(detail::Greeting), 7);
  EXPECT_EQ(client.get(), failed_as(ErrorCode::protocol));
}

int connect_as_nobody(std::string address, bool any_user) {
  if (::setuid(nobody) != 0) return 1;
  return outcome_of([&] {
    ConnectOptions options = options_with({});
    options.any_user = any_user;
    Connection connection = connect(address, options);
    connection.send(std::string("hello"));
    if (connection.recv<std::string>() != "hello back") throw Error(ErrorCode::protocol, "another answer");
  });
}

TEST(Listener, OtherUsersAreRefusedUnlessAllowed) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  Children children;
  Listener own;
  Process& refused = children.start(connect_as_nobody, own.address(), true);
  const auto begin = Clock::now();
  while (own.dropped() == 0 && seconds_since(begin) < 20) EXPECT_FALSE(own.accept(20ms));
  ASSERT_TRUE(refused.join(patience));
  EXPECT_EQ(refused.exit_code(), authentication);

  const Folder folder;  // which nobody else may enter
  Listener hidden(folder.file("socket"));
  Process& outside = children.start(connect_as_nobody, hidden.address(), true);
  ASSERT_TRUE(outside.join(patience));
  EXPECT_EQ(outside.exit_code(), failed_as(ErrorCode::environment));

  Listener all({}, {.any_user = true});
  Process& welcome = children.start(connect_as_nobody, all.address(), true);
  auto connection = all.accept(patience);
  ASSERT_TRUE(connection);
  EXPECT_EQ(all.last_accepted()->uid, nobody);
  echo(std::move(*connection));
  ASSERT_TRUE(welcome.join(patience));
  EXPECT_EQ(welcome.exit_code(), well);
}

int listen_as_nobody(std::string address, std::string forbidden, Event there) {
  if (::setuid(nobody) != 0) return 1;
  const int outcome = outcome_of([&] { const Listener listener(forbidden); });
  if (outcome != failed_as(ErrorCode::environment)) return outcome;
  Listener listener(address);
  there.set();
  echo(listener.accept());
  return well;
}

TEST(Listener, AnotherUsersListenerIsRefusedUnlessAllowed) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Folder folder;
  const std::string address = "@forebay-nobody-" + std::to_string(::getpid());
  Children children;
  Event there;
  children.start(listen_as_nobody, address, folder.file("socket"), there);
  ASSERT_TRUE(there.wait(patience));
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(address)); }), authentication);
  ConnectOptions options = options_with({});
  options.any_user = true;
  Connection connection = connect(address, options);
  connection.send(std::string("hello"));
  EXPECT_EQ(connection.recv<std::string>(), "hello back");
  children.expect_good_ends();
}

int listen_short_of_descriptors(Event there, std::string address) {
  Listener listener(address);
  const rlimit few{40, 40};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
  there.set();
  return outcome_of([&] { echo(listener.accept()); });
}

// UBSan looks at an exception's memory through a pipe, which cannot be had here: it may say so on stderr.
TEST(Listener, SilentClientsThatTakeAllDescriptorsMakeRoom) {
  const std::string address = "@forebay-few-" + std::to_string(::getpid());
  Children children;
  Event there;
  Event done;
  Process& listener = children.start(listen_short_of_descriptors, there, address);
  ASSERT_TRUE(there.wait(patience));
  children.start(connect_often, address, done);
  ASSERT_TRUE(done.wait(patience));
  const int client = echo_client(address, {});
  ASSERT_TRUE(listener.join(patience));
  EXPECT_EQ(listener.exit_code(), well);
  EXPECT_EQ(client, well);
}

}  // namespace
}  // namespace forebay
