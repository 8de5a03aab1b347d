#pragma once

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace forebay {

/// Why a set-up step, an operating-system call or a device failed.
/// A bad *item* never raises an Error: it is data (see pipeline/decode/item_error.h).
enum class ErrorCode : std::uint8_t {
  usage,        ///< the caller asked for something that makes no sense
  environment,  ///< the machine refuses: permission, limit, missing feature
  no_device,    ///< the requested device or its driver does not exist
  no_memory,    ///< admission or allocation of memory was refused
  no_space,     ///< a file system is full
  io,           ///< reading or writing failed
  spawn,        ///< a child process could not be started
  peer_died,    ///< a process that this one depends on ended
  timeout,      ///< a deadline passed
  protocol,     ///< a peer sent something that the protocol does not allow
  device,       ///< the device backend failed
  interrupted,  ///< the run was stopped on request
  cancelled,    ///< a task was cancelled before it ran
  remote,       ///< an exception of a type that only the other process knows (see RemoteError)
};

/// The stable lower-case name of a code, as printed and documented.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// The one exception type of Forebay. `what()` is one line that names the thing,
/// the limit and the remedy. Immutable after construction, so safe to share between threads.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message,
        std::source_location where = std::source_location::current());

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::source_location& where() const noexcept { return where_; }

 private:
  ErrorCode code_;
  std::source_location where_;
};

/// Builds the Error of a failed system call: "<action>: <strerror(error_number)>; <remedy>".
/// ENOMEM becomes no_memory, ENOSPC and EDQUOT no_space, EIO io, all else `code`.
[[nodiscard]] Error os_error(int error_number, std::string_view action, std::string_view remedy = {},
                             ErrorCode code = ErrorCode::environment,
                             std::source_location where = std::source_location::current());

}  // namespace forebay
