#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "host/channel/socket_address.h"
#include "host/error.h"
#include "host/memory/unique_fd.h"

namespace forebay::detail {

/// A Unix socket that listens, and its file where the address is a path. Not thread-safe, but for stop().
class ListeningSocket {
 public:
  /// A file that a dead listener left is replaced. Blocks at most limits::address_lock, while another one
  /// begins to listen in the same directory. Only this user may connect, unless `any_user`. Throws
  /// Error(environment): a live listener is there, the file is no socket, the directory refuses.
  ListeningSocket(SocketAddress address, int backlog, bool any_user);
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  ~ListeningSocket() { close(); }

  [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Nobody can connect any more, and the file is gone; another file that is there by now stays. Does nothing
  /// in a forked copy, whose original listens on. Thread-safe.
  void stop() noexcept;
  void close() noexcept;

 private:
  void listen_at_path(int backlog, bool any_user);
  void listen(int backlog);
  [[nodiscard]] Error bind_error() const;
  [[nodiscard]] bool bind() noexcept;
  void require_stale() const;
  void remember_file();

  SocketAddress address_;
  UniqueFd fd_;
  pid_t home_;
  struct File {
    std::filesystem::path path;  // absolute: the working directory may change
    dev_t device;
    ino_t inode;
  };
  std::optional<File> file_;
};

}  // namespace forebay::detail
