#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/error.h"

namespace forebay {

/// What is known of an exception that another process threw. Every exception that decode_exception() makes is
/// one beside its own type: remote_info() finds it. Immutable once thrown, so safe to share between threads.
struct RemoteInfo {
  std::string type;                ///< as C++ spells it: "std::out_of_range"
  std::string message;             ///< its what(), or the value that was thrown; empty where there is neither
  pid_t pid = 0;                   ///< of the process that threw it
  std::uint64_t task = 0;          ///< the task that threw it; 0: none
  std::string task_name;           ///< may be empty
  std::vector<std::string> trace;  ///< the calls that led to the throw, innermost first, a line each

  RemoteInfo() = default;
  RemoteInfo(const RemoteInfo&) = default;
  RemoteInfo(RemoteInfo&&) = default;
  RemoteInfo& operator=(const RemoteInfo&) = default;
  RemoteInfo& operator=(RemoteInfo&&) = default;
  virtual ~RemoteInfo();
};

/// An exception of a type that is not standard: a user's class, a number, a text. what() is
/// "<type>: <message>", or the type alone where there is no message. Its code is ErrorCode::remote.
class RemoteError : public Error, public RemoteInfo {
 public:
  explicit RemoteError(RemoteInfo info);
};

/// What is known of where `error` came from; null where it was thrown in this process.
[[nodiscard]] const RemoteInfo* remote_info(const std::exception& error) noexcept;

/// Several lines for a person: process, task, stack trace, type and message of `error`, after those of the
/// exceptions that caused it (std::throw_with_nested).
[[nodiscard]] std::string remote_traceback(const std::exception& error);

/// An exception as bytes, with its causes (std::nested_exception) and, where a TraceScope of this thread
/// remembers the throw, its stack trace. One that came from another process keeps its RemoteInfo; `pid`,
/// `task` and `task_name` are for the others. Its size is bounded by limits::exception_*; what is cut says
/// so. Where memory is short, details are left out; the result is empty where there is none at all. Never
/// throws. Blocks for reads of the files that the trace's functions come from.
[[nodiscard]] std::vector<std::byte> encode_exception(const std::exception_ptr& exception, pid_t pid,
                                                      std::uint64_t task,
                                                      std::string_view task_name) noexcept;

/// The exception that encode_exception() wrote: of the same type where that is std::exception or one that the
/// standard library derives from it, forebay::Error or one of its kinds (but WorkerDied), with the same
/// what(), code and paths; otherwise a RemoteError. Always a RemoteInfo too. std::rethrow_if_nested() gives
/// its cause. An Error(protocol) where the bytes are not what encode_exception() writes. Thread-safe; does
/// not block.
[[nodiscard]] std::exception_ptr decode_exception(std::span<const std::byte> bytes) noexcept;

}  // namespace forebay
