#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include <jpeglib.h>

#include "host/process/system_file.h"
#include "pipeline/decode/decoder.h"

namespace forebay {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool allocator_is_real = false;
#else
constexpr bool allocator_is_real = true;
#endif

/// A progressive JPEG of one colour: its decoder holds every coefficient, 6 bytes a pixel.
std::vector<std::byte> progressive_jpeg(JDIMENSION edge) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct info{};
  info.err = ::jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  ::jpeg_mem_dest(&info, &memory, &bytes);
  info.image_width = info.image_height = edge;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  ::jpeg_set_defaults(&info);
  for (int i = 0; i < 3; ++i) info.comp_info[i].h_samp_factor = info.comp_info[i].v_samp_factor = 1;
  ::jpeg_simple_progression(&info);
  ::jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> row(std::size_t{edge} * 3, 99);
  JSAMPROW rows = row.data();
  while (info.next_scanline < edge) ::jpeg_write_scanlines(&info, &rows, 1);
  ::jpeg_finish_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(memory);
  std::vector<std::byte> file(first, first + bytes);
  ::jpeg_destroy_compress(&info);
  std::free(memory);
  return file;
}

/// Lets this process map only so much more while it lives.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(rlim_t more_bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
    const std::optional<std::string> text = read_system_file("/proc/self/statm");
    const rlim_t pages = text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
    rlimit limit = before_;
    limit.rlim_cur = pages * 4096 + more_bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  AddressSpaceLimit(const AddressSpaceLimit&) = delete;
  AddressSpaceLimit& operator=(const AddressSpaceLimit&) = delete;
  ~AddressSpaceLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

TEST(JpegMemory, TooLittleIsNoFaultOfThePicture) {
  if (!allocator_is_real) GTEST_SKIP() << "a sanitizer's allocator does not live with a limit";
  constexpr JDIMENSION edge = 4096;
  const std::vector<std::byte> file = progressive_jpeg(edge);
  const ImageInfo info = probe_image(file, {});
  const Region region = decodable_region(info, {0, 0, 8, 8}, {});
  std::vector<std::uint8_t> pixels(std::size_t{region.width} * region.height * rgb_bytes);
  {
    const AddressSpaceLimit limit(rlim_t{32} << 20U);  // the coefficients take 96 MiB
    EXPECT_THROW(decode_image(file, info, region, {}, pixels.data()), std::bad_alloc);
  }
  EXPECT_NO_THROW(decode_image(file, info, region, {}, pixels.data())) << "the decoder is none the worse";
}

}  // namespace
}  // namespace forebay
