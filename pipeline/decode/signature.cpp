#include "pipeline/decode/signature.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace forebay {
namespace {

using std::string_view_literals::operator""sv;

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  std::string_view name;
};

constexpr std::array unsupported{
    Signature{0, "GIF8"sv, "GIF"},
    Signature{0, "BM"sv, "BMP"},
    Signature{0, "II*\0"sv, "TIFF"},
    Signature{0, "MM\0*"sv, "TIFF"},
    Signature{4, "ftypavif"sv, "AVIF"},
    Signature{4, "ftypheic"sv, "HEIC"},
    Signature{4, "ftypmif1"sv, "HEIF"},
    Signature{0, "\xFF\x4F\xFF\x51"sv, "JPEG 2000"},
    Signature{4, "jP  \r\n\x87\n"sv, "JPEG 2000"},
    Signature{0, "\xFF\x0A"sv, "JPEG XL"},
    Signature{4, "JXL "sv, "JPEG XL"},
    Signature{0, "8BPS"sv, "Photoshop"},
    Signature{0, "\0\0\1\0"sv, "ICO"},
    Signature{0, "P1"sv, "PBM"},
    Signature{0, "P2"sv, "PGM"},
    Signature{0, "P3"sv, "PPM"},
    Signature{0, "P4"sv, "PBM"},
    Signature{0, "P5"sv, "PGM"},
    Signature{0, "P6"sv, "PPM"},
    Signature{0, "qoif"sv, "QOI"},
};

bool has(std::span<const std::byte> file, std::size_t offset, std::string_view bytes) {
  return file.size() >= offset + bytes.size() &&
         std::memcmp(file.data() + offset, bytes.data(), bytes.size()) == 0;
}

}  // namespace

ImageFormat detect_format(std::span<const std::byte> file) {
  if (file.empty()) throw ItemFailure(ItemErrorCode::empty_file, "the file is empty");
  if (has(file, 0, "\xFF\xD8\xFF"sv)) return ImageFormat::jpeg;
  if (has(file, 0, "\x89PNG\r\n\x1A\n"sv)) return ImageFormat::png;
  if (has(file, 0, "RIFF"sv) && has(file, 8, "WEBP"sv)) return ImageFormat::webp;
  for (const Signature& signature : unsupported) {
    if (!has(file, signature.offset, signature.bytes)) continue;
    throw ItemFailure(ItemErrorCode::unsupported_format,
                      fmt::format("is a {} picture; convert it to JPEG, PNG or WebP", signature.name));
  }
  throw ItemFailure(ItemErrorCode::not_an_image, "has the signature of no known picture format");
}

}  // namespace forebay
