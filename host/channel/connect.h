#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "host/channel/auth_key.h"
#include "host/channel/authentication_error.h"
#include "host/channel/connection.h"
#include "host/limits.h"

namespace forebay {

struct ConnectOptions {
  std::optional<AuthKey> authkey{};                    ///< the listener's
  std::chrono::nanoseconds timeout = limits::connect;  ///< for all of it; nanoseconds::max() is no limit
  bool wait_for_listener = false;                      ///< where nobody listens yet, try again until then
  bool any_user = false;                               ///< else only a listener of this user or root's
};

/// Connects to a Listener of another program on this machine, at its address(): Python's Client.
///
/// Blocks until the listener accepts. Thread-safe. Throws AuthenticationError where one side has not the
/// other's key, or the listener belongs to another user; Error(peer_died) where nobody listens, or the
/// listener ended meanwhile; Error(environment) where there is no such file or no permission;
/// Error(timeout); Error(protocol) where something else listens; Error(usage) for no address; Interrupted.
[[nodiscard]] Connection connect(std::string_view address, const ConnectOptions& options = {});

}  // namespace forebay
