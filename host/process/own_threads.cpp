#include "host/process/own_threads.h"

#include <unistd.h>

#include <atomic>
#include <memory>

#include "host/process/never_destroyed.h"

namespace forebay::detail {
namespace {

std::atomic<unsigned> count{0};

NeverDestroyed<std::shared_timed_mutex>& gate() noexcept {
  static NeverDestroyed<std::shared_timed_mutex> one;
  return one;
}

}  // namespace

OwnThread::OwnThread() noexcept : home_(::getpid()) { ++count; }
OwnThread::~OwnThread() {
  if (home_ == ::getpid()) --count;
}
unsigned own_threads() noexcept { return count; }
std::shared_timed_mutex& fork_gate() noexcept { return gate().value; }

void forget_own_threads() noexcept {
  count = 0;
  std::construct_at(&gate().value);
}

}  // namespace forebay::detail
