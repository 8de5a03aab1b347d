#include "samples/picture_encoder.h"

#include <spng.h>
#include <webp/encode.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <jpeglib.h>  // after <cstdio>: it uses FILE without including it

namespace {

struct Free {
  void operator()(void* memory) const noexcept { std::free(memory); }
};

struct JpegCompressor {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  JpegCompressor() {
    info.err =
        jpeg_std_error(&errors);  // an error ends the program with libjpeg's message: right for a small tool
    jpeg_create_compress(&info);
  }
  JpegCompressor(const JpegCompressor&) = delete;
  JpegCompressor& operator=(const JpegCompressor&) = delete;
  ~JpegCompressor() { jpeg_destroy_compress(&info); }
};

void set_style(jpeg_compress_struct& info, const JpegStyle& style) {
  if (style.grey) jpeg_set_colorspace(&info, JCS_GRAYSCALE);
  jpeg_set_quality(&info, style.quality, TRUE);
  info.comp_info[0].h_samp_factor = style.grey ? 1 : style.horizontal_sampling;
  info.comp_info[0].v_samp_factor = style.grey ? 1 : style.vertical_sampling;
  if (style.progressive) jpeg_simple_progression(&info);
}

}  // namespace

std::string encode_jpeg(const Picture& picture, const JpegStyle& style) {
  JpegCompressor compressor;
  jpeg_compress_struct& info = compressor.info;
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&info, &memory, &bytes);
  info.image_width = picture.width;
  info.image_height = picture.height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  set_style(info, style);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row =
        const_cast<JSAMPROW>(picture.pixels.data() + std::size_t{info.next_scanline} * picture.width * 3);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  const std::unique_ptr<unsigned char, Free> owner(memory);
  return {reinterpret_cast<const char*>(memory), bytes};
}

std::string encode_png(const Picture& picture) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER),
                                                                    &spng_ctx_free);
  spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_set_option(context.get(), SPNG_IMG_COMPRESSION_LEVEL, 1);
  spng_ihdr header{};
  header.width = picture.width;
  header.height = picture.height;
  header.bit_depth = 8;
  header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
  spng_set_ihdr(context.get(), &header);
  int error = spng_encode_image(context.get(), picture.pixels.data(), picture.pixels.size(), SPNG_FMT_PNG,
                                SPNG_ENCODE_FINALIZE);
  std::size_t bytes = 0;
  const std::unique_ptr<void, Free> memory(error == 0 ? spng_get_png_buffer(context.get(), &bytes, &error)
                                                      : nullptr);
  if (!memory) throw std::runtime_error(std::string("cannot encode a PNG: ") + spng_strerror(error));
  return {static_cast<const char*>(memory.get()), bytes};
}

std::string encode_webp(const Picture& picture, float quality) {
  std::uint8_t* memory = nullptr;
  const std::size_t bytes =
      WebPEncodeRGB(picture.pixels.data(), static_cast<int>(picture.width), static_cast<int>(picture.height),
                    static_cast<int>(picture.width * 3), quality, &memory);
  const std::unique_ptr<std::uint8_t, decltype(&WebPFree)> owner(memory, &WebPFree);
  if (bytes == 0) throw std::runtime_error("cannot encode a WebP: at most 16,383 pixels a side");
  return {reinterpret_cast<const char*>(memory), bytes};
}
