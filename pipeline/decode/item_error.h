#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace forebay {

/// Why an item has no row. A bad item is data: it is recorded, never thrown at the user of a pipeline.
/// The names (to_string) are stable; the values are part of the slot layout: append only.
enum class ItemErrorCode : std::uint16_t {
  none = 0,
  empty_file,          ///< zero bytes
  not_an_image,        ///< no known signature
  unsupported_format,  ///< a known picture format that Forebay has no decoder for
  truncated,           ///< the data ends too early
  corrupt,             ///< the data contradicts itself
  too_large,           ///< more pixels than limits::image_pixels_max, or it fits no slot
  io_error,            ///< missing, unreadable, not a regular file, or reading failed
  no_memory,           ///< quarantined: an allocation for it failed PipelineOptions::attempts times
  decoder_warning,     ///< a decoder warning under --strict
  stage_failed,        ///< a user's host stage threw
  worker_died,         ///< quarantined: it ended its worker PipelineOptions::attempts times
  device_failed,       ///< quarantined: it made the device fail
  timed_out,           ///< quarantined: it took longer than PipelineOptions::item_timeout
  memory_limit,        ///< quarantined: it needed more than PipelineOptions::item_memory_bytes
};

[[nodiscard]] constexpr std::string_view to_string(ItemErrorCode code) noexcept {
  switch (code) {
    case ItemErrorCode::none: return "none";
    case ItemErrorCode::empty_file: return "empty_file";
    case ItemErrorCode::not_an_image: return "not_an_image";
    case ItemErrorCode::unsupported_format: return "unsupported_format";
    case ItemErrorCode::truncated: return "truncated";
    case ItemErrorCode::corrupt: return "corrupt";
    case ItemErrorCode::too_large: return "too_large";
    case ItemErrorCode::io_error: return "io_error";
    case ItemErrorCode::no_memory: return "no_memory";
    case ItemErrorCode::decoder_warning: return "decoder_warning";
    case ItemErrorCode::stage_failed: return "stage_failed";
    case ItemErrorCode::worker_died: return "worker_died";
    case ItemErrorCode::device_failed: return "device_failed";
    case ItemErrorCode::timed_out: return "timed_out";
    case ItemErrorCode::memory_limit: return "memory_limit";
  }
  return "unknown";
}

/// Thrown inside a worker by whatever handles one item; caught by the worker's item loop, which records it.
class ItemFailure : public std::runtime_error {
 public:
  ItemFailure(ItemErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ItemErrorCode code() const noexcept { return code_; }

 private:
  ItemErrorCode code_;
};

}  // namespace forebay
