#include "pipeline/flow/strip.h"

#include <sys/mman.h>

#include <atomic>
#include <new>
#include <utility>

#include "host/contract.h"
#include "host/error.h"

namespace forebay {
namespace {

template <typename T>
T& at(std::span<std::byte> bytes, std::uint64_t offset) noexcept {
  expect(offset + sizeof(T) <= bytes.size(), "a slot lies within its strip");
  return *std::launder(reinterpret_cast<T*>(bytes.data() + offset));
}

}  // namespace

Strip::Strip(SealedMemory memory, const StripLayout& layout) noexcept
    : memory_(std::move(memory)), layout_(layout) {}

Strip Strip::create(const StripLayout& layout) {
  Strip strip(SealedMemory::create("forebay-strip", layout.bytes()), layout);
  StripHeader header;
  header.slots = layout.slots;
  header.payload_bytes = layout.payload_bytes;
  new (strip.bytes().data()) StripHeader(header);
  return strip;
}

Strip Strip::open(UniqueFd fd, const StripLayout& layout) {
  const std::size_t mapped_bytes = (layout.bytes() + page_bytes - 1) / page_bytes * page_bytes;
  Strip strip(SealedMemory::open(std::move(fd), mapped_bytes), layout);
  const StripHeader header = at<StripHeader>(strip.bytes(), 0);
  if (header.magic != strip_magic || header.version != slot_layout_version || header.slots != layout.slots ||
      header.payload_bytes != layout.payload_bytes) {
    throw Error(ErrorCode::protocol,
                "the strip's layout is not this program's; all processes of a run must be the same build");
  }
  return strip;
}

SlotHeader& Strip::slot_header(std::uint32_t slot) const noexcept {
  expect(slot < layout_.slots, "slot number within the strip");
  return at<SlotHeader>(bytes(), layout_.slot_offset(slot));
}

ItemDescriptor& Strip::descriptor(std::uint32_t slot, std::uint32_t position) const noexcept {
  expect(slot < layout_.slots && position < chunk_items_max, "descriptor within the slot");
  return at<ItemDescriptor>(
      bytes(), layout_.slot_offset(slot) + sizeof(SlotHeader) + position * sizeof(ItemDescriptor));
}

std::span<std::byte> Strip::payload(std::uint32_t slot) const noexcept {
  expect(slot < layout_.slots, "slot number within the strip");
  return bytes().subspan(layout_.slot_offset(slot) + StripLayout::head_bytes, layout_.payload_bytes);
}

void Strip::empty(std::uint32_t slot) const noexcept {
  const std::span<std::byte> pages = payload(slot);
  static_cast<void>(::madvise(pages.data(), pages.size(), MADV_REMOVE));
}

void Strip::refill(std::uint32_t slot) const noexcept {
  const std::span<std::byte> pages = payload(slot);
  static_cast<void>(::madvise(pages.data(), pages.size(), MADV_POPULATE_WRITE));
}

void Strip::publish_progress(const Progress& progress) const noexcept {
  auto& word = at<StripHeader>(bytes(), 0).progress;
  std::atomic_ref<std::uint64_t>(word).store(progress.word(), std::memory_order_release);
}

Progress Strip::progress() const noexcept {
  auto& word = at<StripHeader>(bytes(), 0).progress;
  return Progress::of(std::atomic_ref<std::uint64_t>(word).load(std::memory_order_acquire));
}

}  // namespace forebay
