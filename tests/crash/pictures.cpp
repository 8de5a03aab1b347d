#include "tests/crash/pictures.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "samples/picture_encoder.h"
#include "samples/picture_painter.h"

namespace forebay::crash {
namespace {

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string picture_bytes(std::uint32_t number, std::uint32_t smallest, std::uint32_t largest) {
  std::mt19937_64 random(number);
  const auto edge = [&] {
    return static_cast<std::uint32_t>(smallest + random() % (largest - smallest + 1));
  };
  const std::uint32_t width = edge();
  const std::uint32_t height = edge();
  const Picture picture = paint_picture(random, width, height);
  JpegStyle style;
  style.progressive = number % 8 == 5;
  return number % 8 == 3 ? encode_png(picture) : encode_jpeg(picture, style);
}

}  // namespace

std::vector<std::string> make_pictures(const std::string& folder, std::uint32_t count, std::uint32_t smallest,
                                       std::uint32_t largest) {
  std::vector<std::string> paths;
  for (std::uint32_t number = 0; number < count; ++number) {
    paths.push_back(fmt::format("{}/{:04}.{}", folder, number, number % 8 == 3 ? "png" : "jpg"));
    write(paths.back(), picture_bytes(number, smallest, largest));
  }
  return paths;
}

std::string write_list(const std::string& path, const std::vector<std::string>& pictures) {
  std::ofstream out(path);
  for (const std::string& picture : pictures) out << picture << '\n';
  return fmt::format("@{}", path);
}

std::string make_small_set(const std::string& folder) {
  std::vector<std::string> paths = make_pictures(folder, 60, 60, 140);
  const std::string whole = picture_bytes(1, 60, 140);
  write(folder + "/cut_off.jpg", whole.substr(0, whole.size() / 2));
  write(folder + "/empty.jpg", "");
  write(folder + "/text.jpg", "no picture");
  const auto at = [&paths](std::ptrdiff_t position) { return paths.begin() + position; };
  paths.insert(at(3), folder + "/missing.jpg");
  paths.insert(at(9), folder + "/cut_off.jpg");
  paths.insert(at(22), folder + "/empty.jpg");
  paths.insert(at(45), folder + "/text.jpg");
  return write_list(folder + "/list.txt", paths);
}

}  // namespace forebay::crash
