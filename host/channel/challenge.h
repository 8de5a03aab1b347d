#pragma once

#include <chrono>

#include "host/channel/auth_key.h"
#include "host/channel/authentication_error.h"
#include "host/channel/connection.h"
#include "host/limits.h"

namespace forebay {

/// The other side of a connection must prove that it has the key, by calling answer_challenge() meanwhile.
/// For connections that came some other way: Listener and connect() do so by themselves. To know each other,
/// one side delivers and then answers, the other answers and then delivers.
///
/// Both block, `timeout` at most for each message to come. Throws AuthenticationError on both sides where the
/// keys differ, Error(timeout), Error(protocol) for a message that is none of this, ConnectionClosed,
/// Interrupted.
void deliver_challenge(Connection& connection, const AuthKey& key,
                       std::chrono::nanoseconds timeout = limits::handshake);
void answer_challenge(Connection& connection, const AuthKey& key,
                      std::chrono::nanoseconds timeout = limits::handshake);

}  // namespace forebay
