#pragma once

#include <atomic>

namespace forebay {

/// A sequentially consistent fence: what this thread wrote before is seen by whoever comes to such a fence
/// later, before this thread reads what stands behind it. ThreadSanitizer does not know fences; for it this
/// is an atomic change of a word that all threads share.
inline void sequential_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
  static std::atomic<int> word{0};
  word.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace forebay
