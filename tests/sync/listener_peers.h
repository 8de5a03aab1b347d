#pragma once

#include <gtest/gtest.h>

#include <stdlib.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "host/channel/connect.h"
#include "host/channel/listener.h"
#include "host/channel/socket_address.h"
#include "host/memory/unique_fd.h"
#include "tests/sync/children.h"

namespace forebay::sharing {

/// A folder that goes with its test.
class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "forebay-listener-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw os_error(errno, "cannot make a folder");
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A socket that has connected and keeps to no protocol.
inline UniqueFd raw_connect(const std::string& address, int type = SOCK_SEQPACKET) {
  const detail::SocketAddress where(address);
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), static_cast<const sockaddr*>(where.raw()), where.raw_bytes()) != 0) fd.reset();
  return fd;
}

/// A socket that listens and keeps to no protocol.
inline UniqueFd raw_listener(const std::string& address, int type = SOCK_SEQPACKET) {
  const detail::SocketAddress where(address);
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), static_cast<const sockaddr*>(where.raw()), where.raw_bytes()) != 0 ||
      ::listen(fd.get(), 8) != 0)
    fd.reset();
  return fd;
}

enum Outcome : int { well = 0, authentication = 50, closed = 51, failed = 100 };  // failed + its ErrorCode

/// What `work` throws, as a number: also an exit code.
template <typename Work>
int outcome_of(Work work) {
  try {
    work();
    return well;
  } catch (const AuthenticationError&) {
    return authentication;
  } catch (const ListenerClosed&) {
    return closed;
  } catch (const Error& error) {
    return failed + static_cast<int>(error.code());
  }
}
constexpr int failed_as(ErrorCode code) { return failed + static_cast<int>(code); }

inline ConnectOptions options_with(const std::string& key) {
  ConnectOptions options;
  options.timeout = patience;
  if (!key.empty()) options.authkey = AuthKey(key);
  return options;
}

/// A client, in a process of its own: sends its argument and takes it back.
inline int echo_client(std::string address, std::string key) {
  return outcome_of([&] {
    Connection connection = connect(address, options_with(key));
    connection.send(std::string("hello"));
    if (connection.recv<std::string>() != "hello back") throw Error(ErrorCode::protocol, "another answer");
  });
}
/// The same; says before that it is there: a process's start is not the listener's time.
inline int echo_client_that_tells(std::string address, std::string key, Event there) {
  there.set();
  return echo_client(std::move(address), std::move(key));
}
inline void echo(Connection connection) { connection.send(connection.recv<std::string>() + " back"); }

/// Well behaved clients are let in soon, whoever else there is.
inline void expect_lets_in(Listener& listener, std::chrono::seconds soon = std::chrono::seconds(3)) {
  Children children;
  Event there;
  children.start(echo_client_that_tells, listener.address(), std::string(), there);
  ASSERT_TRUE(there.wait(patience));
  const auto begin = Clock::now();
  auto connection = listener.accept(patience);
  ASSERT_TRUE(connection);
  EXPECT_LT(Clock::now() - begin, soon);
  echo(std::move(*connection));
  children.expect_good_ends();
}

}  // namespace forebay::sharing
