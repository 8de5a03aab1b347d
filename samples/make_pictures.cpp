// Makes a folder of varied pictures to play with: sub-folders are classes, as ImageFolder and Forebay read
// them. The same seed gives the same files.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>

#include "samples/picture_encoder.h"
#include "samples/picture_painter.h"

namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path folder;
  std::uint32_t count = 300;
  std::uint64_t seed = 1;
  std::uint32_t smallest = 250;
  std::uint32_t largest = 640;
  std::uint32_t classes = 4;
  bool plain = false;
  bool mixed = false;
};

struct File {
  std::string suffix;
  std::string bytes;
};

JpegStyle random_style(std::mt19937_64& random) {
  JpegStyle style;
  style.quality = static_cast<int>(70 + random() % 26);
  const auto sampling = random() % 4;  // 4:4:4 and 4:2:2 now and then, mostly 4:2:0
  style.horizontal_sampling = sampling == 0 ? 1 : 2;
  style.vertical_sampling = sampling <= 1 ? 1 : 2;
  style.progressive = random() % 8 == 0;
  style.grey = random() % 24 == 0;
  return style;
}

/// Each picture has a generator of its own, so that it does not depend on how many are made.
File make_file(std::uint32_t number, const Options& options) {
  std::mt19937_64 random(options.seed * 0x9E3779B97F4A7C15U + number);
  const auto edge = [&] {
    return static_cast<std::uint32_t>(options.smallest + random() % (options.largest - options.smallest + 1));
  };
  const std::uint32_t width = edge();
  const std::uint32_t height = edge();
  const JpegStyle style = options.plain ? JpegStyle{} : random_style(random);
  const Picture picture = paint_picture(random, width, height);
  if (options.mixed && number % 8 == 3) return {".png", encode_png(picture)};
  if (options.mixed && number % 8 == 7) return {".webp", encode_webp(picture, 85)};
  return {".jpg", encode_jpeg(picture, style)};
}

void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << content;
  out.close();
  if (!out)
    throw std::runtime_error("cannot write " + path.string() + "; is there space, and may you write there?");
}

void make_all(const Options& options) {
  if (options.smallest > options.largest) throw std::runtime_error("--min is larger than --max");
  for (std::uint32_t number = 0; number < options.count; ++number) {
    const File file = make_file(number, options);
    std::string name = std::to_string(number);
    name.insert(0, name.size() < 6 ? 6 - name.size() : 0, '0');
    write_file(options.folder / ("class_" + std::to_string(number % options.classes)) / (name + file.suffix),
               file.bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Makes a folder of varied JPEGs that are about as large, and as hard to decode, as photos.");
  Options options;
  app.add_option("folder", options.folder, "where the pictures go")->required();
  app.add_option("--count", options.count, "how many")->capture_default_str();
  app.add_option("--seed", options.seed, "the same seed gives the same files")->capture_default_str();
  app.add_option("--min", options.smallest, "shortest edge in pixels")
      ->capture_default_str()
      ->check(CLI::Range(1, 20000));
  app.add_option("--max", options.largest, "longest edge in pixels")
      ->capture_default_str()
      ->check(CLI::Range(1, 20000));
  app.add_option("--classes", options.classes, "sub-folders")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_flag("--plain", options.plain, "only baseline 4:2:0 of quality 90");
  app.add_flag("--mixed", options.mixed, "an eighth as PNG and an eighth as WebP");
  CLI11_PARSE(app, argc, argv);
  try {
    make_all(options);
  } catch (const std::exception& error) {
    std::cerr << "make_pictures: " << error.what() << '\n';
    return 3;
  }
  std::cout << options.count << " pictures in " << options.folder.string() << '\n';
  return 0;
}
