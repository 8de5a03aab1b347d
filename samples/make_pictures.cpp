// Makes a folder of varied JPEGs to play with: sub-folders are classes, as ImageFolder and Forebay read them. The same seed
// gives the same files.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <string>

#include <jpeglib.h>  // after <cstdio>: it uses FILE without including it

#include "samples/picture_painter.h"

namespace {

struct Style {
  int quality = 90;
  int horizontal_sampling = 2;
  int vertical_sampling = 2;
  bool progressive = false;
  bool grey = false;
};

Style random_style(std::mt19937_64& random) {
  Style style;
  style.quality = static_cast<int>(70 + random() % 26);
  const auto sampling = random() % 4;  // 4:4:4 and 4:2:2 now and then, mostly 4:2:0
  style.horizontal_sampling = sampling == 0 ? 1 : 2;
  style.vertical_sampling = sampling <= 1 ? 1 : 2;
  style.progressive = random() % 8 == 0;
  style.grey = random() % 24 == 0;
  return style;
}

std::string encode(const Picture& picture, const Style& style) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);  // an error ends the program with libjpeg's message: right for a small tool
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&info, &memory, &bytes);
  info.image_width = picture.width;
  info.image_height = picture.height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  if (style.grey) jpeg_set_colorspace(&info, JCS_GRAYSCALE);
  jpeg_set_quality(&info, style.quality, TRUE);
  info.comp_info[0].h_samp_factor = style.grey ? 1 : style.horizontal_sampling;
  info.comp_info[0].v_samp_factor = style.grey ? 1 : style.vertical_sampling;
  if (style.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(picture.pixels.data() + std::size_t{info.next_scanline} * picture.width * 3);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string encoded(reinterpret_cast<const char*>(memory), bytes);
  std::free(memory);
  return encoded;
}

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary);
  out << content;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string() + "; is there space, and may you write there?");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Makes a folder of varied JPEGs.");
  std::string folder;
  std::uint32_t count = 300;
  std::uint64_t seed = 1;
  std::uint32_t smallest = 250;
  std::uint32_t largest = 640;
  std::uint32_t classes = 4;
  bool plain = false;
  app.add_option("folder", folder, "where the pictures go")->required();
  app.add_option("--count", count, "how many")->capture_default_str();
  app.add_option("--seed", seed, "the same seed gives the same files")->capture_default_str();
  app.add_option("--min", smallest, "shortest edge in pixels")->capture_default_str()->check(CLI::Range(1, 20000));
  app.add_option("--max", largest, "longest edge in pixels")->capture_default_str()->check(CLI::Range(1, 20000));
  app.add_option("--classes", classes, "sub-folders")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_flag("--plain", plain, "only baseline 4:2:0 of quality 90");
  CLI11_PARSE(app, argc, argv);
  try {
    if (smallest > largest) throw std::runtime_error("--min is larger than --max");
    for (std::uint32_t number = 0; number < count; ++number) {
      std::mt19937_64 random(seed * 0x9E3779B97F4A7C15U + number);
      const auto edge = [&] { return static_cast<std::uint32_t>(smallest + random() % (largest - smallest + 1)); };
      const std::uint32_t width = edge();
      const std::uint32_t height = edge();
      const Style style = plain ? Style{} : random_style(random);
      const std::filesystem::path path = std::filesystem::path(folder) / ("class_" + std::to_string(number % classes));
      std::filesystem::create_directories(path);
      std::string name = std::to_string(number);
      name.insert(0, name.size() < 6 ? 6 - name.size() : 0, '0');
      write_file(path / (name + ".jpg"), encode(paint_picture(random, width, height), style));
    }
  } catch (const std::exception& error) {
    std::cerr << "make_pictures: " << error.what() << '\n';
    return 3;
  }
  std::cout << count << " pictures in " << folder << '\n';
  return 0;
}
