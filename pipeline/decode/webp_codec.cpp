#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>
#include <new>

#include "pipeline/decode/codec.h"
#include "pipeline/decode/exif.h"

/// WebP through libwebp. A picture is always decoded whole: cropping inside the decoder changes the upsampled
/// colours at the edges. Of an animation the first frame is taken, as Pillow does; alpha is dropped.
namespace forebay::codec {
namespace {

const std::uint8_t* data_of(Bytes file) { return reinterpret_cast<const std::uint8_t*>(file.data()); }

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const noexcept { ::WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

Demuxer open_demuxer(Bytes file) {
  const WebPData data{data_of(file), file.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  Demuxer demuxer(::WebPDemuxPartial(&data, &state));
  if (state == WEBP_DEMUX_PARSE_ERROR || !demuxer) {
    throw ItemFailure(ItemErrorCode::corrupt, "libwebp: the container makes no sense");
  }
  if (state != WEBP_DEMUX_DONE)
    throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does");
  return demuxer;
}

ExifOrientation orientation_of(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk;
  if (::WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk) == 0) return {};
  const std::span block(reinterpret_cast<const std::byte*>(chunk.chunk.bytes), chunk.chunk.size);
  const ExifOrientation orientation = exif_orientation(without_exif_preamble(block));
  ::WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

}  // namespace

Header read_webp_header(Bytes file) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = ::WebPGetFeatures(data_of(file), file.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) {
    throw ItemFailure(ItemErrorCode::truncated, "the data ends within the header");
  }
  if (status != VP8_STATUS_OK)
    throw ItemFailure(ItemErrorCode::corrupt, "libwebp: the header makes no sense");
  Header header;
  header.width = static_cast<std::uint32_t>(features.width);
  header.height = static_cast<std::uint32_t>(features.height);
  header.align_x = 0;
  const ExifOrientation orientation = orientation_of(open_demuxer(file).get());
  header.orientation = orientation.value;
  header.exif_is_broken = orientation.fault != ExifFault::none;
  return header;
}

DecodeReport decode_webp(Bytes file, const Region& stored, const DecodeOptions& /*options*/,
                         const Target& target) {
  const Demuxer demuxer = open_demuxer(file);
  WebPIterator frame;
  if (::WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0) {
    throw ItemFailure(ItemErrorCode::corrupt, "libwebp: there is no frame");
  }
  WebPDecoderConfig config;
  ::WebPInitDecoderConfig(&config);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  const bool fills_canvas = static_cast<std::uint32_t>(frame.width) == stored.width &&
                            static_cast<std::uint32_t>(frame.height) == stored.height;
  std::size_t offset = 0;
  if (!fills_canvas) {
    // A first frame smaller than the canvas lies on transparent black.
    for (std::uint32_t y = 0; y < stored.height; ++y) {
      std::fill_n(target.pixels + y * target.row_bytes, stored.width * rgb_bytes, std::uint8_t{0});
    }
    offset = static_cast<std::size_t>(frame.y_offset) * target.row_bytes +
             static_cast<std::size_t>(frame.x_offset) * rgb_bytes;
  }
  config.output.u.RGBA.rgba = target.pixels + offset;
  config.output.u.RGBA.stride = static_cast<int>(target.row_bytes);
  config.output.u.RGBA.size = target.row_bytes * stored.height - offset;
  const VP8StatusCode status = ::WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  ::WebPFreeDecBuffer(&config.output);
  ::WebPDemuxReleaseIterator(&frame);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
    throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does");
  }
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
  if (status != VP8_STATUS_OK)
    throw ItemFailure(ItemErrorCode::corrupt, "libwebp: the picture cannot be decoded");
  return {};
}

}  // namespace forebay::codec
