#pragma once

#include <cstddef>

#include "host/memory/mapping.h"
#include "host/memory/unique_fd.h"

namespace forebay {

/// Shared memory without a name that nobody can resize: a memfd, space reserved, pages populated, sealed
/// against shrinking, growing and further seals, so no peer can turn an access into SIGBUS. It dies with
/// the last process that holds it.
class SealedMemory {
 public:
  SealedMemory() noexcept = default;

  /// Allocates `bytes` (rounded up to whole pages). Reserves the space, advises huge pages, populates
  /// (MADV_POPULATE_WRITE), seals. Blocks about 0.1 s per GiB. `label` shows in /proc/PID/maps only.
  /// The caller has admitted the bytes first (MemoryBudget). Throws Error(no_memory | environment).
  [[nodiscard]] static SealedMemory create(const char* label, std::size_t bytes);

  /// The same, but pages come when they are first written: for memory of which most is never used.
  [[nodiscard]] static SealedMemory create_sparse(const char* label, std::size_t bytes);

  /// Maps memory that another process created and passed. Checks the seals and that it has exactly `bytes`.
  /// Populates nothing. Throws Error(protocol) where a seal is missing or the size differs.
  [[nodiscard]] static SealedMemory open(UniqueFd fd, std::size_t bytes);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return mapping_.bytes(); }

 private:
  static SealedMemory create(const char* label, std::size_t bytes, bool sparse);
  SealedMemory(UniqueFd fd, Mapping mapping) noexcept;
  UniqueFd fd_;
  Mapping mapping_;
};

}  // namespace forebay
