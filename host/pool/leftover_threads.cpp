#include "host/pool/leftover_threads.h"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace forebay {
namespace {

/// Threads whose crew was let go of by a callback in themselves: nobody else is left to join them. Never
/// destroyed, because such a thread may come here while the program already ends.
class LeftoverThreads {
 public:
  LeftoverThreads() = default;
  LeftoverThreads(const LeftoverThreads&) = delete;
  LeftoverThreads& operator=(const LeftoverThreads&) = delete;
  /// At the program's end: joins those that are here. Who comes later is at its very end and is left to it.
  void close() {
    std::vector<std::thread> last;
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
      last.swap(threads_);
    }
    for (std::thread& ended : last) ended.join();
  }
  /// Called by `thread` itself at its very end. Joins those that came before, so that no more than one is
  /// left: they are as far.
  void add(std::thread thread) {
    std::vector<std::thread> earlier;
    {
      const std::scoped_lock lock(mutex_);
      if (!closed_) earlier.swap(threads_);
      threads_.push_back(std::move(thread));
    }
    for (std::thread& ended : earlier) ended.join();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
  bool closed_ = false;
};

LeftoverThreads& leftovers() {
  static LeftoverThreads& the_leftovers = *std::make_unique<LeftoverThreads>().release();
  struct AtExit {
    ~AtExit() { the_leftovers.close(); }
  };
  static const AtExit at_exit;
  return the_leftovers;
}

}  // namespace

void leave_to_exit(std::thread thread) { leftovers().add(std::move(thread)); }

}  // namespace forebay
