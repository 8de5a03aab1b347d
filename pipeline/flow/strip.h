#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "host/memory/sealed_memory.h"
#include "pipeline/flow/slot_layout.h"

namespace forebay {

/// One worker's slots in sealed shared memory, as a process sees them. The worker that fills it, the
/// coordinator and the owner map it; no other worker ever does. Which of them may touch a slot is decided by
/// the slot table in the coordinator's private memory, not here.
class Strip {
 public:
  Strip() noexcept = default;
  /// Allocates and lays out. Throws Error(no_memory | environment).
  [[nodiscard]] static Strip create(const StripLayout& layout);
  /// Maps a strip that was passed. Throws Error(protocol) where header, version or size differ.
  [[nodiscard]] static Strip open(UniqueFd fd, const StripLayout& layout);

  [[nodiscard]] int fd() const noexcept { return memory_.fd(); }
  [[nodiscard]] const StripLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return memory_.bytes(); }
  [[nodiscard]] SlotHeader& slot_header(std::uint32_t slot) const noexcept;
  [[nodiscard]] ItemDescriptor& descriptor(std::uint32_t slot, std::uint32_t position) const noexcept;
  [[nodiscard]] std::span<std::byte> payload(std::uint32_t slot) const noexcept;

  /// Gives the memory of a slot's payload back to the system: its bytes read as zero afterwards, in every
  /// process. Not for memory that a device has page-locked: that would go on reading the former pages.
  void empty(std::uint32_t slot) const noexcept;
  /// Takes it again, so that no write has to wait for it. Where there is none, the first write finds out.
  void refill(std::uint32_t slot) const noexcept;

  /// SYNC POINT progress: the worker's release pairs with the coordinator's acquire.
  void publish_progress(const Progress& progress) const noexcept;
  [[nodiscard]] Progress progress() const noexcept;

 private:
  Strip(SealedMemory memory, const StripLayout& layout) noexcept;
  SealedMemory memory_;
  StripLayout layout_;
};

}  // namespace forebay
