#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/limits.h"

namespace forebay {

/// While it lives, every exception that its thread throws (`throw x`, not `throw;`) is remembered with its
/// call stack: addresses only, a few microseconds a throw. Scopes nest. Other threads, and threads without a
/// scope, pay one load of a thread-local variable per throw.
///
/// It works by a `__cxa_throw` of Forebay's own in front of the C++ runtime's. A program that has its own
/// keeps it, and then has no traces.
class TraceScope {
 public:
  TraceScope() noexcept;
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
  ~TraceScope();

  /// The calls that led to the throw of the exception object at `object`, innermost first, as addresses
  /// inside the calling instruction. Empty where no scope of this thread remembers it. Valid until the scope
  /// ends or the thread throws again.
  [[nodiscard]] static std::span<const std::uintptr_t> trace_of(const void* object) noexcept;

  /// Remembers a throw, from the frame that `caller` (a return address) lies in.
  void remember(const void* object, const void* caller) noexcept;

 private:
  struct Throw {
    const void* object = nullptr;
    std::size_t depth = 0;
    std::array<std::uintptr_t, limits::exception_frames_max> frames;  // left as they are: only `depth` count
  };

  std::array<Throw, limits::throws_remembered> throws_;
  std::size_t next_ = 0;  // the oldest one's place
  TraceScope* outer_;
};

/// A line for each address: "function (image+0xoffset)", or "image+0xoffset" where the function's name is not
/// known; addr2line -e image 0xoffset gives file and line. Thread-safe; blocks for reads of the images'
/// files.
[[nodiscard]] std::vector<std::string> describe_frames(std::span<const std::uintptr_t> addresses);

/// The C++ spelling of a mangled name; the name itself where it is none.
[[nodiscard]] std::string demangled(const char* name);

}  // namespace forebay
