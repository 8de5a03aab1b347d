#include "host/process/crash_point.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "host/process/system_file.h"

namespace forebay {
namespace {

struct Plan {
  std::string name;
  std::string how;
  std::string token;
  std::atomic<std::int64_t> left{0};
};

Plan& plan() {
  static Plan the_plan;
  return the_plan;
}

void die(std::string_view how) noexcept {
  if (how == "exit") ::_exit(3);
  if (how == "segv") {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);  // a test does not want the file
    ::signal(SIGSEGV, SIG_DFL);       // nor a handler's opinion
    ::kill(::getpid(), SIGSEGV);
  }
  ::kill(::getpid(), how == "stop" ? SIGSTOP : SIGKILL);
}

}  // namespace

std::atomic<int> CrashPoints::state_{unknown};

void CrashPoints::read_environment() noexcept {
  const char* set = std::getenv("FOREBAY_CRASH_POINT");
  if (set == nullptr) {
    state_ = off;
    return;
  }
  const std::string_view text = set;
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) {
    state_ = off;
    return;
  }
  const std::string_view place = text.substr(0, first);
  const std::size_t mark = place.find('=');
  plan().name = place.substr(0, mark);
  plan().how = mark == std::string_view::npos ? "kill" : place.substr(mark + 1);
  plan().left = parse_number(text.substr(first + 1, second - first - 1)).value_or(1);
  plan().token = text.substr(second + 1);
  state_ = armed;
}

void CrashPoints::look(std::string_view name) noexcept {
  if (state_.load() == unknown) read_environment();
  if (state_.load() != armed || plan().name != name) return;
  if (plan().left.fetch_sub(1) != 1) return;
  if (::unlink(plan().token.c_str()) == 0) die(plan().how);
}

}  // namespace forebay
