#include <fmt/format.h>
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <memory>
#include <new>
#include <vector>

#include "host/limits.h"
#include "pipeline/decode/codec.h"
#include "pipeline/decode/exif.h"
#include "pipeline/decode/jpeg_markers.h"

/// JPEG through libjpeg-turbo, with the settings that Pillow uses (its defaults). libjpeg reports errors by a
/// longjmp here: between setjmp and the end of each guarded function only plain data lives, no object with a
/// destructor.
namespace forebay::codec {
namespace {

struct ErrorState {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  std::array<char, JMSG_LENGTH_MAX> text;
  std::array<char, JMSG_LENGTH_MAX> warning;
  std::uint32_t warnings;
  bool out_of_memory;  ///< libjpeg could not allocate (JERR_OUT_OF_MEMORY)
  bool ended_early;    ///< the data ran out (JWRN_JPEG_EOF, JERR_INPUT_EOF)
};

ErrorState& state_of(j_common_ptr info) { return *reinterpret_cast<ErrorState*>(info->err); }

[[noreturn]] void on_error(j_common_ptr info) {
  ErrorState& state = state_of(info);
  (*info->err->format_message)(info, state.text.data());
  if (info->err->msg_code == JERR_INPUT_EOF || info->err->msg_code == JERR_INPUT_EMPTY)
    state.ended_early = true;
  if (info->err->msg_code == JERR_OUT_OF_MEMORY) state.out_of_memory = true;
  std::longjmp(state.jump, 1);
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // traces
  ErrorState& state = state_of(info);
  if (info->err->msg_code == JWRN_JPEG_EOF) state.ended_early = true;
  if (state.warnings++ == 0) (*info->err->format_message)(info, state.warning.data());
}

/// A decompressor whose memory is released with it. Used again from picture to picture: creating one costs
/// allocations that a small picture would notice.
class Decompressor {
 public:
  Decompressor() {
    info_.err = ::jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = &on_error;
    errors_.manager.emit_message = &on_message;
    if (setjmp(errors_.jump) != 0) throw std::bad_alloc();  // NOLINT(cert-err52-cpp)
    jpeg_create_decompress(&info_);
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { ::jpeg_destroy_decompress(&info_); }

  jpeg_decompress_struct& begin(Bytes file) {
    abort();  // a header may have been kept for a decoding that never came
    errors_.warnings = 0;
    errors_.ended_early = false;
    errors_.out_of_memory = false;
    ::jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    return info_;
  }
  [[nodiscard]] jpeg_decompress_struct& info() noexcept { return info_; }
  [[nodiscard]] ErrorState& errors() noexcept { return errors_; }
  void abort() noexcept {
    ::jpeg_abort_decompress(&info_);
    header_of_ = {};
  }
  /// The header of `file` has been read and nothing else: decoding it next need not read it again.
  void keep_header_of(Bytes file) noexcept { header_of_ = file; }
  /// Whether that is so, once.
  [[nodiscard]] bool take_header_of(Bytes file) noexcept {
    const bool kept = !file.empty() && header_of_.data() == file.data() && header_of_.size() == file.size();
    header_of_ = {};
    return kept;
  }

 private:
  Bytes header_of_;
  jpeg_decompress_struct info_{};
  ErrorState errors_{};
};

Decompressor& decompressor() {
  thread_local Decompressor instance;
  return instance;
}

[[noreturn]] void fail(Decompressor& jpeg) {
  const bool cut = jpeg.errors().ended_early;
  const bool starved = jpeg.errors().out_of_memory;
  const std::string text = jpeg.errors().text.data();
  jpeg.abort();
  if (starved) throw std::bad_alloc();
  if (cut) throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does");
  throw ItemFailure(ItemErrorCode::corrupt, "libjpeg: " + text);
}

/// Guarded: reads the header. False after a longjmp.
bool read_header(Decompressor& jpeg, Bytes file) {
  if (setjmp(jpeg.errors().jump) != 0) return false;  // NOLINT(cert-err52-cpp): libjpeg offers nothing else
  jpeg_read_header(&jpeg.begin(file), TRUE);
  return true;
}

/// What Pillow refuses when it opens a file.
void check_header(Decompressor& jpeg, const jpeg_decompress_struct& info) {
  const int components = info.num_components;
  if (info.data_precision != 8 || (components != 1 && components != 3 && components != 4)) {
    jpeg.abort();
    throw ItemFailure(ItemErrorCode::unsupported_format,
                      fmt::format("a JPEG of {} components with {} bits", components, info.data_precision));
  }
}

/// CMYK as Pillow makes RGB of it (libImaging/Convert.c, cmyk2rgb). It always undoes Adobe's inversion,
/// whether or not an Adobe marker says that there was one ("CMYK;I" in JpegImagePlugin.py).
void cmyk_to_rgb(const std::uint8_t* from, std::uint8_t* to, std::uint32_t pixels) {
  for (std::uint32_t i = 0; i < pixels; ++i, from += 4, to += 3) {
    const auto ink = [from](int channel) -> std::uint32_t { return 255U - from[channel]; };
    const std::uint32_t light = 255U - ink(3);
    for (int channel = 0; channel < 3; ++channel) {
      const std::uint32_t product = ink(channel) * light + 128U;
      const std::uint32_t shade = ((product >> 8U) + product) >> 8U;  // MULDIV255
      to[channel] = static_cast<std::uint8_t>(light - shade);
    }
  }
}

void grey_to_rgb(const std::uint8_t* from, std::uint8_t* to, std::uint32_t pixels) {
  for (std::uint32_t i = 0; i < pixels; ++i, to += 3) to[0] = to[1] = to[2] = from[i];
}

/// Rows that libjpeg may fill in one call: a row group of 4:2:0 has two, more than sixteen never come at
/// once.
constexpr JDIMENSION rows_per_call = 16;

/// Decompression with everything that libjpeg may jump out of. Plain data only.
struct Job {
  Region region;
  Target target;
  bool whole;
  std::uint8_t* row;  ///< one stored row where pixels are not RGB, or are wider than the region
};

bool run(Decompressor& jpeg, jpeg_decompress_struct& info, const Job& job) {
  if (setjmp(jpeg.errors().jump) != 0) return false;  // NOLINT(cert-err52-cpp)
  jpeg_start_decompress(&info);
  JDIMENSION x = 0;
  JDIMENSION width = info.output_width;
  if (!job.whole && job.region.width < info.output_width) {
    x = job.region.x;
    width = job.region.width;
    jpeg_crop_scanline(&info, &x, &width);
  }
  if (!job.whole && job.region.y > 0) jpeg_skip_scanlines(&info, job.region.y);
  const std::size_t lead = job.region.x - x;  // columns before the region in what is decoded
  const bool direct = info.out_color_space == JCS_RGB && width == job.region.width && lead == 0;
  const JDIMENSION end = job.region.y + job.region.height;
  while (info.output_scanline < (job.whole ? info.output_height : end)) {
    const JDIMENSION y = info.output_scanline;
    const bool wanted = y >= job.region.y && y < end;
    std::uint8_t* to = wanted ? job.target.pixels + (y - job.region.y) * job.target.row_bytes : nullptr;
    if (wanted && direct) {
      // As many rows as libjpeg has ready: a call for each would show.
      std::array<JSAMPROW, rows_per_call> rows;
      const JDIMENSION count = std::min<JDIMENSION>(rows_per_call, end - y);
      for (JDIMENSION i = 0; i < count; ++i) rows[i] = to + i * job.target.row_bytes;
      jpeg_read_scanlines(&info, rows.data(), count);
      continue;
    }
    JSAMPROW row = job.row;
    jpeg_read_scanlines(&info, &row, 1);
    if (!wanted) continue;
    const std::uint8_t* from = job.row + lead * static_cast<std::size_t>(info.output_components);
    if (info.out_color_space == JCS_GRAYSCALE) {
      grey_to_rgb(from, to, job.region.width);
    } else if (info.out_color_space == JCS_CMYK) {
      cmyk_to_rgb(from, to, job.region.width);
    } else {
      // The whole picture was decoded for a part of it: the columns around it are dropped.
      for (std::size_t i = 0; i < job.region.width * rgb_bytes; ++i) to[i] = from[i];
    }
  }
  if (job.whole) {
    jpeg_finish_decompress(&info);
  } else {
    jpeg_abort_decompress(&info);
  }
  return true;
}

}  // namespace

Header read_jpeg_header(Bytes file) {
  Decompressor& jpeg = decompressor();
  if (!read_header(jpeg, file)) fail(jpeg);
  const jpeg_decompress_struct& info = jpeg.info();
  Header header;
  header.width = info.image_width;
  header.height = info.image_height;
  check_header(jpeg, info);
  // jpeg_crop_scanline begins at a whole iMCU (jdapistd.c).
  const int sampling = info.num_components == 1 ? 1 : info.max_h_samp_factor;
  header.align_x = static_cast<std::uint32_t>(sampling * DCTSIZE);
  jpeg.keep_header_of(file);
  const JpegExif exif = jpeg_exif(file);
  const ExifOrientation orientation = exif_orientation(without_exif_preamble(exif.block));
  header.orientation = orientation.value;
  header.exif_is_broken = orientation.fault == ExifFault::cut_short ||
                          (orientation.fault == ExifFault::no_tiff && exif.after_density);
  return header;
}

DecodeReport decode_jpeg(Bytes file, const Region& stored, const DecodeOptions& options,
                         const Target& target) {
  Decompressor& jpeg = decompressor();
  if (!jpeg.take_header_of(file) && !read_header(jpeg, file)) fail(jpeg);
  jpeg_decompress_struct& info = jpeg.info();
  info.out_color_space = info.num_components == 1   ? JCS_GRAYSCALE
                         : info.num_components == 4 ? JCS_CMYK
                                                    : JCS_RGB;
  thread_local std::vector<std::uint8_t> row;
  row.resize(std::size_t{info.image_width} * 4 + 64);
  const Job job{stored, target, options.whole(), row.data()};
  if (!run(jpeg, info, job)) fail(jpeg);
  DecodeReport report;
  report.warnings = jpeg.errors().warnings;
  if (report.warnings > 0) report.first_warning = jpeg.errors().warning.data();
  if (jpeg.errors().ended_early || (!job.whole && !jpeg_has_end(file))) {
    throw ItemFailure(ItemErrorCode::truncated,
                      "the data ends before the picture does (no end-of-image marker)");
  }
  return report;
}

}  // namespace forebay::codec
