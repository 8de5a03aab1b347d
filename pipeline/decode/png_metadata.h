#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "pipeline/decode/png_chunks.h"

namespace forebay {

/// The chunks of a PNG file beside its pixels, judged as the handlers of Pillow's PngImagePlugin (9.4) do:
/// what raises there is refused. One file each; one thread.
class PngMetadata {
 public:
  /// Takes the next chunk, in the order of the file. Returns why Pillow refuses it, or null. Throws
  /// std::bad_alloc.
  [[nodiscard]] const char* read(std::string_view type, std::span<const std::byte> contents);

  /// To be called where the pixels begin. Returns why what came before makes them unreadable, or null.
  [[nodiscard]] const char* check_at_data() const noexcept;

  [[nodiscard]] const PngHeader& header() const noexcept { return header_; }
  [[nodiscard]] bool has_header() const noexcept { return has_mode_; }
  [[nodiscard]] std::span<const std::byte> palette() const noexcept { return palette_; }
  [[nodiscard]] std::span<const std::byte> exif() const noexcept { return exif_; }
  /// At the first pixels: the picture is one of several frames.
  [[nodiscard]] bool animated() const noexcept { return frames_ > 1 || (has_animation_ && sequence_ < 0); }

 private:
  using Contents = std::span<const std::byte>;
  [[nodiscard]] const char* read_header(Contents contents);
  [[nodiscard]] const char* read_palette(Contents contents);
  [[nodiscard]] const char* check_transparency(Contents contents) const;
  [[nodiscard]] const char* check_text(std::string_view type, Contents contents);
  [[nodiscard]] const char* count_text(std::size_t bytes);
  [[nodiscard]] const char* read_animation(Contents contents);
  [[nodiscard]] const char* read_frame(Contents contents);
  [[nodiscard]] const char* read_sequence(std::uint32_t number);

  PngHeader header_;
  bool has_mode_ = false;
  Contents palette_;
  Contents exif_;
  std::uint64_t text_bytes_ = 0;
  bool has_animation_ = false;
  std::uint64_t frames_ = 1;
  std::int64_t sequence_ = -1;  // of the last frame's chunk
  bool frame_fills_ = true;     // the last frame is as large as the picture
};

}  // namespace forebay
