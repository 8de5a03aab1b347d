// The ceiling: a process that does nothing but decode JPEGs that are in its memory, whole, with
// libjpeg-turbo. Usage: decode_ceiling PART PARTS EPOCHS FILE...   decodes every PARTS-th file, beginning
// with PART. Prints "ready" when the files are read, waits for a line, decodes, and prints one line of JSON.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <jpeglib.h>  // after <cstdio>: it uses FILE without including it

namespace {

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), {}};
  if (!in || content.empty()) throw std::runtime_error(std::string("cannot read ") + path);
  return content;
}

/// Rows offered to libjpeg in one call; it fills as many as it has ready, and a call for each would show.
constexpr JDIMENSION rows_per_call = 16;

/// Decodes into `pixels`, which grows to the largest picture; returns the bytes written.
std::size_t decode(jpeg_decompress_struct& info, const std::string& file,
                   std::vector<unsigned char>& pixels) {
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  const std::size_t line_bytes = std::size_t{info.output_width} * 3;
  if (pixels.size() < line_bytes * info.output_height) pixels.resize(line_bytes * info.output_height);
  while (info.output_scanline < info.output_height) {
    std::array<JSAMPROW, rows_per_call> rows;
    const JDIMENSION count = std::min(rows_per_call, info.output_height - info.output_scanline);
    for (JDIMENSION i = 0; i < count; ++i) {
      rows[i] = pixels.data() + (info.output_scanline + i) * line_bytes;
    }
    jpeg_read_scanlines(&info, rows.data(), count);
  }
  const std::size_t bytes = line_bytes * info.output_height;
  jpeg_finish_decompress(&info);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 5) throw std::runtime_error("usage: decode_ceiling PART PARTS EPOCHS FILE...");
    const int parts = std::stoi(argv[2]);
    const int epochs = std::stoi(argv[3]);
    std::vector<std::string> files;
    for (int i = 4 + std::stoi(argv[1]); i < argc; i += parts) files.push_back(read_file(argv[i]));
    std::cout << "ready\n" << std::flush;
    std::string go;
    std::getline(std::cin, go);

    jpeg_decompress_struct info{};
    jpeg_error_mgr errors{};
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    std::vector<unsigned char> pixels;
    std::size_t bytes = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int epoch = 0; epoch < epochs; ++epoch) {
      for (const std::string& file : files) bytes += decode(info, file, pixels);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    jpeg_destroy_decompress(&info);
    std::printf("{\"pictures\": %zu, \"seconds\": %.6f, \"bytes\": %zu}\n",
                files.size() * static_cast<std::size_t>(epochs), seconds, bytes);
  } catch (const std::exception& error) {
    std::cerr << "decode_ceiling: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
