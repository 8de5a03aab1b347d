#pragma once

#include <source_location>
#include <string>

#include "host/error.h"

namespace forebay {

/// A wait ended before what it waited for: ErrorCode::timeout. The future itself goes on.
class TimeoutError : public Error {
 public:
  explicit TimeoutError(const std::string& message,
                        std::source_location where = std::source_location::current())
      : Error(ErrorCode::timeout, message, where) {}
};

/// The result of a future that was cancelled: ErrorCode::cancelled.
class CancelledError : public Error {
 public:
  explicit CancelledError(const std::string& message,
                          std::source_location where = std::source_location::current())
      : Error(ErrorCode::cancelled, message, where) {}
};

/// A future was set or started a second time: ErrorCode::usage.
class InvalidStateError : public Error {
 public:
  explicit InvalidStateError(const std::string& message,
                             std::source_location where = std::source_location::current())
      : Error(ErrorCode::usage, message, where) {}
};

/// Whoever was to complete the future went away without doing so: ErrorCode::peer_died.
class BrokenPromiseError : public Error {
 public:
  explicit BrokenPromiseError(const std::string& message,
                              std::source_location where = std::source_location::current())
      : Error(ErrorCode::peer_died, message, where) {}
};

}  // namespace forebay
