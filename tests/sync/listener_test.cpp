#include "host/channel/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "host/channel/challenge.h"
#include "host/channel/handshake.h"
#include "host/sync/interrupt.h"
#include "tests/host/open_fds.h"
#include "tests/sync/listener_peers.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

/// Writes to the descriptor that comes, then squares numbers until the other side closes.
void work_for(std::string address) {
  Connection connection = connect(address, options_with({}));
  const auto fd = connection.recv<UniqueFd>();
  connection.send(static_cast<int>(::write(fd.get(), "hello", 5)));
  try {
    while (true) {
      auto numbers = connection.recv<std::vector<int>>();
      for (int& number : numbers) number *= number;
      connection.send(numbers);
    }
  } catch (const ConnectionClosed&) {
  }
}

void works_as_a_pipe(Connection connection) {
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  connection.send(UniqueFd(ends[1]));
  EXPECT_EQ(connection.recv<int>(), 5);
  std::array<char, 8> text{};
  EXPECT_EQ(::read(reader.get(), text.data(), text.size()), 5);
  for (int i = 0; i < 200; ++i) {
    connection.send(std::vector<int>{i, i + 1});
    ASSERT_EQ(connection.recv<std::vector<int>>(), (std::vector<int>{i * i, (i + 1) * (i + 1)}));
  }
  std::vector<int> large(300'000, 3);  // more than the ring holds
  connection.send(large);
  EXPECT_EQ(connection.recv<std::vector<int>>(), std::vector<int>(300'000, 9));
}

TEST(Listener, AnotherProcessGetsTheOtherEndOfAPipe) {
  const Folder folder;
  const std::string own = "forebay-test-" + std::to_string(::getpid());
  for (const std::string& address : {std::string(), folder.file("socket"), "@" + own, '\0' + own}) {
    Listener listener(address);
    Children children;
    Process& client = children.start(work_for, listener.address());
    auto connection = listener.accept(patience);
    ASSERT_TRUE(connection) << listener.address();
    ASSERT_TRUE(listener.last_accepted());
    EXPECT_EQ(listener.last_accepted()->pid, client.pid());
    EXPECT_EQ(listener.last_accepted()->uid, ::getuid());
    listener.close();  // what was accepted stays
    works_as_a_pipe(std::move(*connection));
    children.expect_good_ends();
    EXPECT_EQ(listener.dropped(), 0U);
  }
}

TEST(Listener, EveryAddressOfItsOwnIsAnother) {
  const Listener first;
  const Listener second;
  EXPECT_NE(first.address(), second.address());
  EXPECT_EQ(first.address().front(), '@');
}

TEST(Listener, BothHaveTheKey) {
  Listener listener({}, {.authkey = AuthKey("sesame"), .handshake = std::chrono::milliseconds::max()});
  Children children;
  children.start(echo_client, listener.address(), std::string("sesame"));
  auto connection = listener.accept(patience);
  ASSERT_TRUE(connection);
  echo(std::move(*connection));
  children.expect_good_ends();
}

/// An AuthenticationError on both sides, soon; then the next client is let in.
void expect_refusal(const std::string& listeners, const std::string& clients) {
  ListenerOptions options;
  if (!listeners.empty()) options.authkey = AuthKey(listeners);
  Listener listener({}, options);
  Children children;
  Event there;
  Process& wrong = children.start(echo_client_that_tells, listener.address(), clients, there);
  ASSERT_TRUE(there.wait(patience));
  const auto begin = Clock::now();
  EXPECT_THROW(static_cast<void>(listener.accept(patience)), AuthenticationError);
  ASSERT_TRUE(wrong.join(patience));
  EXPECT_LT(seconds_since(begin), 3.0);
  EXPECT_EQ(wrong.exit_code(), authentication);
  Process& good = children.start(echo_client, listener.address(), listeners);
  auto connection = listener.accept(patience);
  ASSERT_TRUE(connection);
  echo(std::move(*connection));
  ASSERT_TRUE(good.join(patience));
  EXPECT_EQ(good.exit_code(), well);
}

TEST(Listener, AnotherKeyIsRefusedOnBothSides) { expect_refusal("sesame", "Sesame"); }
TEST(Listener, NoKeyWhereOneIsWantedIsRefusedOnBothSides) { expect_refusal("sesame", ""); }
TEST(Listener, AKeyWhereThereIsNoneIsRefusedOnBothSides) { expect_refusal("", "sesame"); }

TEST(Listener, AnEmptyKeyIsNoKey) {
  EXPECT_THROW(AuthKey(""), Error);
  EXPECT_THROW(AuthKey(std::span<const std::byte>()), Error);
}

/// Says yes to everybody, without the key.
void pretend(const UniqueFd& listening) {
  detail::Handshake handshake(Channel(UniqueFd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC))),
                              {}, Clock::now() + patience);
  Channel channel(UniqueFd(::dup(handshake.fd())));
  ASSERT_EQ(channel.try_send(detail::Greeting{.keyed = 1}), SendResult::sent);
  Received answer;
  ASSERT_EQ(channel.receive_until(answer, Clock::now() + patience), ReceiveResult::received);
  // What a thief can do: show the client's own proof, or another nonce's.
  ASSERT_EQ(channel.try_send(detail::Welcome{.proof = answer.as<detail::Answer>()->proof}), SendResult::sent);
  auto [mine, theirs] = forebay::pipe();
  Encoder encoder;
  encode(encoder, theirs);
  const Encoded encoded = encoder.take();
  const std::array<int, 2> fds{encoded.fds[0].get(), encoded.fds[1].get()};
  static_cast<void>(channel.try_send_bytes(encoded.bytes, fds));  // it may have turned away by now
}

TEST(Listener, AListenerWithoutTheKeyIsFoundOutByTheClient) {
  const Folder folder;
  const UniqueFd listening = raw_listener(folder.file("socket"));
  ASSERT_TRUE(listening.valid());
  std::thread thief([&] { pretend(listening); });
  EXPECT_THROW(static_cast<void>(connect(folder.file("socket"), options_with("sesame"))),
               AuthenticationError);
  thief.join();
}

TEST(Listener, AcceptWithATimeout) {
  Listener listener;
  EXPECT_FALSE(listener.accept(0ns));
  EXPECT_FALSE(listener.accept(-1s));
  const auto begin = Clock::now();
  EXPECT_FALSE(listener.accept(100ms));
  EXPECT_GE(seconds_since(begin), 0.1);
  EXPECT_LT(seconds_since(begin), 5.0);
  // Looks without waiting get there too.
  auto client = std::async(std::launch::async, [&] { return connect(listener.address()); });
  std::optional<Connection> connection;
  while (!connection && seconds_since(begin) < 20) connection = listener.accept(0ns);
  EXPECT_TRUE(connection);
  EXPECT_FALSE(client.get().closed());
}

TEST(Listener, CloseWakesAllWhoAccept) {
  const Folder folder;
  Listener listener(folder.file("socket"));
  std::vector<std::future<int>> accepting;
  for (int i = 0; i < 3; ++i) {
    accepting.push_back(std::async(
        std::launch::async, [&] { return outcome_of([&] { static_cast<void>(listener.accept()); }); }));
  }
  for (auto& one : accepting) EXPECT_EQ(one.wait_for(20ms), std::future_status::timeout);
  const auto begin = Clock::now();
  listener.close();
  for (auto& one : accepting) EXPECT_EQ(one.get(), closed);
  EXPECT_LT(seconds_since(begin), 3.0);
  listener.close();
  EXPECT_THROW(static_cast<void>(listener.accept()), ListenerClosed);
  EXPECT_FALSE(std::filesystem::exists(folder.file("socket")));
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(folder.file("socket"))); }),
            failed_as(ErrorCode::environment));
}

TEST(Listener, ACloseEndsClientsThatWait) {
  Listener listener;
  auto client = std::async(std::launch::async, [&] {
    return outcome_of([&] { static_cast<void>(connect(listener.address(), options_with({}))); });
  });
  EXPECT_EQ(client.wait_for(50ms), std::future_status::timeout);
  const auto begin = Clock::now();
  listener.close();
  EXPECT_EQ(client.get(), failed_as(ErrorCode::peer_died));
  EXPECT_LT(seconds_since(begin), 3.0);
}

TEST(Listener, ManyThreadsAcceptManyClients) {
  Listener listener({}, {.authkey = AuthKey("sesame"), .backlog = 2});
  constexpr int clients = 60;
  std::atomic<int> served{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      try {
        while (true) {
          echo(listener.accept());
          if (++served == clients) return;
        }
      } catch (const ListenerClosed&) {
      }
    });
  }
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 6; ++i) {
      callers.emplace_back([&] {
        for (int k = 0; k < clients / 6; ++k) answered += echo_client(listener.address(), "sesame") == well;
      });
    }
  }
  listener.close();
  threads.clear();
  EXPECT_EQ(answered, clients);
  EXPECT_EQ(served, clients);
}

TEST(Listener, GivesEveryDescriptorBack) {
  const std::size_t before = open_fds();
  {
    Listener listener;
    for (int i = 0; i < 10; ++i) {
      auto client = std::async(std::launch::async, [&] { return connect(listener.address()); });
      auto connection = listener.accept(patience);
      ASSERT_TRUE(connection);
      Connection other = client.get();
      const UniqueFd silent = raw_connect(listener.address());
      EXPECT_FALSE(listener.accept(1ms));
    }
  }
  EXPECT_EQ(open_fds(), before);
}

TEST(Listener, CtrlCEndsAnAcceptAndAConnect) {
  Listener listener;
  {
    const InterruptScope scope;
    ::kill(::getpid(), SIGINT);
    EXPECT_THROW(static_cast<void>(listener.accept()), Interrupted);
  }
  {
    const InterruptScope scope;
    std::thread sender([&] {
      const UniqueFd other = raw_connect(listener.address());  // its own: nobody accepts
      ::kill(::getpid(), SIGINT);
    });
    EXPECT_THROW(static_cast<void>(connect(listener.address(), options_with({}))), Interrupted);
    sender.join();
  }
}

TEST(Listener, AProofIsTheHmacOfTheStandard) {  // RFC 4231, test case 2
  const std::string_view text = "for nothing?";
  const AuthKey::Proof proof = AuthKey("Jefe").prove("what do ya want ", std::as_bytes(std::span(text)));
  std::string digits;
  for (const std::byte byte : proof) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", std::to_integer<unsigned>(byte));
    digits += two.data();
  }
  EXPECT_EQ(digits, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_TRUE(AuthKey("Jefe").proves(proof, "what do ya want ", std::as_bytes(std::span(text))));
  EXPECT_FALSE(AuthKey("jefe").proves(proof, "what do ya want ", std::as_bytes(std::span(text))));
}

/// A process that is challenged, and then challenges.
int be_challenged(Connection connection, std::string key) {
  return outcome_of([&] {
    answer_challenge(connection, AuthKey(key));
    deliver_challenge(connection, AuthKey(key));
  });
}

TEST(Challenge, BothKnowEachOther) {
  auto [mine, theirs] = forebay::pipe();
  Children children;
  children.start(be_challenged, std::move(theirs), std::string("sesame"));
  deliver_challenge(mine, AuthKey("sesame"), patience);
  answer_challenge(mine, AuthKey("sesame"), patience);
  children.expect_good_ends();
}

TEST(Challenge, AnotherKeyIsRefusedOnBothSides) {
  auto [mine, theirs] = forebay::pipe();
  Children children;
  Process& other = children.start(be_challenged, std::move(theirs), std::string("Sesame"));
  EXPECT_THROW(deliver_challenge(mine, AuthKey("sesame"), patience), AuthenticationError);
  ASSERT_TRUE(other.join(patience));
  EXPECT_EQ(other.exit_code(), authentication);
}

TEST(Challenge, SilenceAndGarbageAreErrors) {
  auto [mine, theirs] = forebay::pipe();
  EXPECT_EQ(outcome_of([&] { deliver_challenge(mine, AuthKey("sesame"), 50ms); }),
            failed_as(ErrorCode::timeout));
  theirs.send_bytes(std::vector<std::byte>(33));
  EXPECT_EQ(outcome_of([&] { deliver_challenge(mine, AuthKey("sesame"), patience); }),
            failed_as(ErrorCode::protocol));
  theirs.close();
  EXPECT_EQ(outcome_of([&] { answer_challenge(mine, AuthKey("sesame"), patience); }),
            failed_as(ErrorCode::peer_died));
}

}  // namespace
}  // namespace forebay
