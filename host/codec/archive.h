#pragma once

#include <cereal/archives/binary.hpp>
#include <cereal/cereal.hpp>
#include <concepts>
#include <type_traits>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"
#include "host/error.h"

namespace forebay::detail {

/// cereal's output archive over an Encoder. Types that neither cereal nor the user's serialize() knows come
/// back to encode() through the save() at the end of codec.h.
class EncoderArchive : public cereal::OutputArchive<EncoderArchive> {
 public:
  explicit EncoderArchive(Encoder& out) : OutputArchive(this), out_(&out) {}
  [[nodiscard]] Encoder& out() noexcept { return *out_; }

 private:
  Encoder* out_;
};

class DecoderArchive : public cereal::InputArchive<DecoderArchive> {
 public:
  explicit DecoderArchive(Decoder& in) : InputArchive(this), in_(&in) {}
  [[nodiscard]] Decoder& in() noexcept { return *in_; }

 private:
  Decoder* in_;
};

template <typename T>
requires std::is_arithmetic_v<T>
void save(EncoderArchive& archive, const T& value) { archive.out().write_plain(value); }
template <typename T>
requires std::is_arithmetic_v<T>
void load(DecoderArchive& archive, T& value) { value = archive.in().read_plain<T>(); }

template <typename T>
void serialize(EncoderArchive& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}
template <typename T>
void serialize(DecoderArchive& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}

template <typename T>
void serialize(EncoderArchive& archive, cereal::SizeTag<T>& tag) {
  archive.out().write_plain(static_cast<std::uint64_t>(tag.size));
}
/// Every element takes at least a byte, so a size beyond what is left is a lie: refused before memory is
/// taken.
template <typename T>
void serialize(DecoderArchive& archive, cereal::SizeTag<T>& tag) {
  const auto size = archive.in().read_plain<std::uint64_t>();
  if (size > archive.in().left()) {
    throw Error(ErrorCode::protocol, "received a container with more elements than bytes");
  }
  tag.size = static_cast<std::remove_reference_t<T>>(size);
}

template <typename T>
void save(EncoderArchive& archive, const cereal::BinaryData<T>& data) {
  archive.out().write(data.data, static_cast<std::size_t>(data.size));
}
template <typename T>
void load(DecoderArchive& archive, cereal::BinaryData<T>& data) {
  const auto bytes = archive.in().read(static_cast<std::size_t>(data.size));
  if (!bytes.empty()) std::memcpy(data.data, bytes.data(), bytes.size());
}

}  // namespace forebay::detail

CEREAL_SETUP_ARCHIVE_TRAITS(forebay::detail::DecoderArchive, forebay::detail::EncoderArchive)
