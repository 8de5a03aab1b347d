#include "host/codec/decoder.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "host/codec/encoder.h"
#include "host/error.h"

namespace forebay {

void Decoder::throw_short(std::size_t wanted) const {
  throw Error(ErrorCode::protocol,
              fmt::format("a value of {} bytes was expected, but {} are left of what the other process sent; "
                          "encoding and decoding of a type must agree",
                          wanted, left()));
}

std::span<const std::byte> Decoder::read_range(std::size_t element_bytes) {
  const auto count = read_plain<std::uint64_t>();
  const auto place = read_plain<RangePlace>();
  if (count > std::numeric_limits<std::size_t>::max() / element_bytes) {
    throw Error(ErrorCode::protocol,
                fmt::format("received a range of {} elements; no memory holds it", count));
  }
  const std::size_t bytes = static_cast<std::size_t>(count) * element_bytes;
  if (place == RangePlace::message) {
    const std::size_t past = position_ % range_alignment;
    if (past != 0) static_cast<void>(read(range_alignment - past));
    return read(bytes);
  }
  if (place != RangePlace::shared || bytes == 0) {
    throw Error(ErrorCode::protocol, "received a range that lies nowhere");
  }
  mapped_.push_back(SealedMemory::open(read_fd(), bytes));
  return mapped_.back().bytes().first(bytes);
}

UniqueFd Decoder::take_fd(std::uint32_t index) {
  if (index >= fds_.size() || !fds_[index].valid()) {
    throw Error(ErrorCode::protocol,
                fmt::format("descriptor {} was announced, but {} came along", index, fds_.size()));
  }
  return std::move(fds_[index]);
}

}  // namespace forebay
