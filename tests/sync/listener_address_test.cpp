// Where a listener listens: files that are there already, names that are none, and who unlinks what.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/channel/connect.h"
#include "host/channel/listener.h"
#include "tests/sync/listener_peers.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

std::string what_of(const std::string& address) {
  try {
    const Listener listener(address);
  } catch (const Error& error) {
    return error.what();
  }
  return "it listens";
}

TEST(Listener, DoubleBindIsAnErrorAndHarmless) {
  const Folder folder;
  for (const std::string& address : {folder.file("socket"), "@forebay-twice-" + std::to_string(::getpid())}) {
    Listener listener(address);
    EXPECT_NE(what_of(address).find("a live listener is there"), std::string::npos) << what_of(address);
    expect_lets_in(listener);
    listener.close();
    EXPECT_EQ(what_of(address), "it listens");
  }
}

TEST(Listener, AListenerOfAnotherProgramIsLiveToo) {
  const Folder folder;
  const UniqueFd stream = raw_listener(folder.file("socket"), SOCK_STREAM);
  ASSERT_TRUE(stream.valid());
  EXPECT_NE(what_of(folder.file("socket")).find("a live listener is there"), std::string::npos);
  EXPECT_TRUE(raw_connect(folder.file("socket"), SOCK_STREAM).valid());
}

void listen_and_stay(std::string address, Event there) {
  const Listener listener(address);
  stay(there);
}

TEST(Listener, AKilledListenersFileIsRefusedToClientsAndReplaced) {
  const Folder folder;
  const std::string address = folder.file("socket");
  {
    Children children;
    Event there;
    Process& first = children.start(listen_and_stay, address, there);
    ASSERT_TRUE(there.wait(patience));
    first.kill();
    ASSERT_TRUE(first.join(patience));
  }
  ASSERT_TRUE(std::filesystem::is_socket(address));
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(address)); }), failed_as(ErrorCode::peer_died));
  Listener second(address);
  expect_lets_in(second);
}

TEST(Listener, OfManyThatReplaceAStaleFileOneListens) {
  const Folder folder;
  const std::string address = folder.file("socket");
  constexpr int starters = 6;
  for (int round = 0; round < 200; ++round) {
    static_cast<void>(raw_listener(address));  // closed at once: stale
    ASSERT_TRUE(std::filesystem::is_socket(address));
    std::barrier together(starters);
    std::atomic<int> listening{0};
    std::atomic<int> refused{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < starters; ++i) {
        threads.emplace_back([&] {
          together.arrive_and_wait();
          std::unique_ptr<Listener> mine;
          const int outcome = outcome_of([&] { mine = std::make_unique<Listener>(address); });
          (outcome == well ? listening : refused) += 1;
          together.arrive_and_wait();
          EXPECT_TRUE(raw_connect(address).valid());  // the one is there
          together.arrive_and_wait();
        });
      }
    }
    ASSERT_EQ(listening, 1);
    ASSERT_EQ(refused, starters - 1);
    ASSERT_FALSE(std::filesystem::exists(address));
  }
}

TEST(Listener, WhatIsNoSocketStays) {
  const Folder folder;
  std::ofstream(folder.file("file")) << "precious";
  std::filesystem::create_symlink("nowhere", folder.file("link"));
  std::filesystem::create_directory(folder.file("folder"));
  for (const char* name : {"file", "link", "folder"}) {
    EXPECT_NE(what_of(folder.file(name)).find("is no socket and stays"), std::string::npos) << name;
  }
  EXPECT_EQ(std::filesystem::file_size(folder.file("file")), 8U);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
}

TEST(Listener, UnlinksOnlyItsOwnFile) {
  const Folder folder;
  const std::string address = folder.file("socket");
  auto first = std::make_unique<Listener>(address);
  std::filesystem::remove(address);
  Listener second(address);
  first.reset();
  EXPECT_TRUE(std::filesystem::is_socket(address));
  expect_lets_in(second);
}

TEST(Listener, AddressesThatAreNone) {
  EXPECT_NE(what_of("localhost:5000").find("TCP"), std::string::npos);
  EXPECT_NE(what_of("[::1]:80").find("TCP"), std::string::npos);
  EXPECT_NE(what_of("tcp://host").find("TCP"), std::string::npos);
  EXPECT_NE(what_of("@").find("no name"), std::string::npos);
  EXPECT_NE(what_of(std::string(1, '\0')).find("no name"), std::string::npos);
  EXPECT_NE(what_of(std::string("/a\0b", 4)).find("NUL"), std::string::npos);
  for (const char* address : {"", "localhost:5000", "@"}) {
    EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(address)); }), failed_as(ErrorCode::usage));
  }
  EXPECT_EQ(outcome_of([] { const Listener listener({}, {.backlog = 0}); }), failed_as(ErrorCode::usage));
  EXPECT_EQ(outcome_of([] { const Listener listener({}, {.handshake = 0ms}); }), failed_as(ErrorCode::usage));
}

TEST(Listener, AddressesUpToTheLimit) {
  const Folder folder;
  const std::string longest = folder.file(std::string(107 - folder.file("").size(), 'x'));
  std::string name = "@" + std::to_string(::getpid());
  name.resize(107, 'y');
  for (const std::string& address : {longest, name}) {
    ASSERT_EQ(address.size(), 107U);
    Listener listener(address);
    EXPECT_EQ(listener.address(), address);
    expect_lets_in(listener);
    EXPECT_NE(what_of(address + "x").find("108 bytes, more than the 107"), std::string::npos);
  }
}

TEST(Listener, DirectoriesThatAreNotThere) {
  const Folder folder;
  EXPECT_EQ(outcome_of([&] { const Listener listener(folder.file("no/socket")); }),
            failed_as(ErrorCode::environment));
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(folder.file("no/socket"))); }),
            failed_as(ErrorCode::environment));
}

int listen_by_a_relative_path(std::string folder) {
  if (::chdir(folder.c_str()) != 0) return 1;
  {
    Listener listener("./a:1");  // no address of TCP
    if (!std::filesystem::is_socket(folder + "/a:1")) return 2;
    if (!raw_connect("./a:1").valid()) return 3;
    if (::chdir("/") != 0) return 4;
  }
  return std::filesystem::exists(folder + "/a:1") ? 5 : 0;
}

TEST(Listener, ARelativePathIsUnlinkedFromAnywhere) {
  const Folder folder;
  Children children;
  children.start(listen_by_a_relative_path, folder.path());
  children.expect_good_ends();
}

TEST(Listener, TheFileIsOpenToWhomTheListenerIs) {
  const Folder folder;
  const auto mode = [](const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
  };
  const Listener own(folder.file("own"));
  const Listener all(folder.file("all"), {.any_user = true});
  EXPECT_EQ(mode(folder.file("own")), 0600U);
  EXPECT_EQ(mode(folder.file("all")), 0666U);
}

TEST(Listener, ConnectWaitsForAListenerOnlyIfAsked) {
  const Folder folder;
  const std::string address = folder.file("socket");
  const auto begin = Clock::now();
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect(address)); }), failed_as(ErrorCode::environment));
  EXPECT_EQ(outcome_of([&] { static_cast<void>(connect("@nobody")); }), failed_as(ErrorCode::peer_died));
  EXPECT_LT(seconds_since(begin), 3.0);
  EXPECT_EQ(
      outcome_of([&] { static_cast<void>(connect(address, {.timeout = 100ms, .wait_for_listener = true})); }),
      failed_as(ErrorCode::timeout));
  EXPECT_GE(seconds_since(begin), 0.1);
  auto client = std::async(
      std::launch::async, [&] { return connect(address, {.timeout = patience, .wait_for_listener = true}); });
  EXPECT_EQ(client.wait_for(50ms), std::future_status::timeout);
  Listener listener(address);
  EXPECT_TRUE(listener.accept(patience));
  EXPECT_FALSE(client.get().closed());
}

}  // namespace
}  // namespace forebay
