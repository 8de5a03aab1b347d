#include "host/process/start_method.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>

#include "host/error.h"

namespace forebay {
namespace {

std::atomic<StartMethod> current{StartMethod::spawn};
constinit std::mutex setting;  // over `is_set` and the change of `current`
bool is_set = false;

}  // namespace

std::string_view to_string(StartMethod method) noexcept {
  switch (method) {
    case StartMethod::spawn: return "spawn";
    case StartMethod::forkserver: return "forkserver";
    case StartMethod::fork: return "fork";
  }
  return "unknown";
}

void set_start_method(StartMethod method, bool force) {
  const std::scoped_lock lock(setting);
  if (is_set && !force) {
    throw Error(ErrorCode::usage,
                fmt::format("the start method is set already, to {}; set it once, in main, or use a Context",
                            to_string(current)));
  }
  is_set = true;
  current = method;
}

StartMethod get_start_method() noexcept { return current; }

void detail::inherit_start_method(StartMethod method) noexcept { current = method; }

}  // namespace forebay
