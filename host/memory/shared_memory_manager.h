#pragma once

#include <cstddef>
#include <initializer_list>
#include <mutex>
#include <vector>

#include "host/memory/shareable_list.h"
#include "host/memory/shared_memory.h"

namespace forebay {

/// Python's SharedMemoryManager: makes named blocks and unlinks them all when it goes; who uses them goes on.
/// It needs no server process: where this process is killed, the blocks go as those of SharedMemory do.
/// Thread-safe.
class SharedMemoryManager {
 public:
  SharedMemoryManager() = default;
  SharedMemoryManager(const SharedMemoryManager&) = delete;
  SharedMemoryManager& operator=(const SharedMemoryManager&) = delete;
  ~SharedMemoryManager() { shutdown(); }

  /// Throws as SharedMemory::create(), and Error(usage) after shutdown().
  [[nodiscard]] SharedMemory shared_memory(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    require_open();
    return blocks_.emplace_back(SharedMemory::create(bytes));
  }
  [[nodiscard]] ShareableList shareable_list(std::initializer_list<ShareableList::Value> values) {
    const std::scoped_lock lock(mutex_);
    require_open();
    ShareableList list(values);
    blocks_.push_back(list.shm());
    return list;
  }

  void shutdown() noexcept {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    for (const SharedMemory& block : blocks_) {
      try {
        block.unlink();
      } catch (const Error&) {
        continue;  // somebody has unlinked it before
      }
    }
    blocks_.clear();
  }

 private:
  void require_open() const {
    if (closed_) throw Error(ErrorCode::usage, "this SharedMemoryManager was shut down");
  }

  std::mutex mutex_;
  std::vector<SharedMemory> blocks_;
  bool closed_ = false;
};

}  // namespace forebay
