#include "host/error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace forebay {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::usage: return "usage";
    case ErrorCode::environment: return "environment";
    case ErrorCode::no_device: return "no_device";
    case ErrorCode::no_memory: return "no_memory";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::io: return "io";
    case ErrorCode::spawn: return "spawn";
    case ErrorCode::peer_died: return "peer_died";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::protocol: return "protocol";
    case ErrorCode::device: return "device";
    case ErrorCode::interrupted: return "interrupted";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::remote: return "remote";
  }
  return "unknown";
}

Error::Error(ErrorCode code, const std::string& message, std::source_location where)
    : std::runtime_error(message), code_(code), where_(where) {}

Error os_error(int error_number, std::string_view action, std::string_view remedy, ErrorCode code,
               std::source_location where) {
  if (error_number == ENOMEM) code = ErrorCode::no_memory;
  if (error_number == ENOSPC || error_number == EDQUOT) code = ErrorCode::no_space;
  if (error_number == EIO) code = ErrorCode::io;
  std::string message(action);
  message += ": ";
  message += std::generic_category().message(error_number);
  if (!remedy.empty()) {
    message += "; ";
    message += remedy;
  }
  return Error(code, message, where);
}

}  // namespace forebay
