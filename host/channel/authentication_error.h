#pragma once

#include <source_location>
#include <string>

#include "host/error.h"

namespace forebay {

/// The other side did not prove that it has the same key, or belongs to another user. Both sides get it.
/// ErrorCode::environment: a permission that is missing.
class AuthenticationError : public Error {
 public:
  explicit AuthenticationError(const std::string& message,
                               std::source_location where = std::source_location::current())
      : Error(ErrorCode::environment, message, where) {}
};

}  // namespace forebay
