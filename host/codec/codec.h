#pragma once

#include <algorithm>
#include <boost/pfr.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "host/channel/channel.h"
#include "host/codec/decoder.h"
#include "host/codec/encodable.h"
#include "host/codec/encoder.h"
#include "host/memory/unique_fd.h"

namespace forebay {
namespace detail {

template <typename T>
struct PlainVector : std::false_type {};
template <typename T, typename A>
struct PlainVector<std::vector<T, A>> : std::bool_constant<is_plain<T> && !std::is_same_v<T, bool>> {};

template <typename T>
struct PlainSpan : std::false_type {};
template <typename T>
struct PlainSpan<std::span<const T>> : std::bool_constant<is_plain<T> && encodable<T>()> {};

/// The static_assert lies here, so that the compiler's note "with T = ..." names the type.
template <typename T>
consteval void require_encodable() {
  static_assert(
      Encodable<T>,
      "forebay: this type cannot be sent to another process (T is named in the lines around this one). "
      "Pass values, not pointers, references or views; give a class a cereal serialize() function, or "
      "make it an aggregate of types that can be sent; a lambda must not capture: pass its state as "
      "an argument.");
}

}  // namespace detail

/// Writes a value. What it needs of T is the concept Encodable; see there. Throws what the type's own
/// serialize() throws, and Error where a descriptor or shared memory cannot be had.
template <typename T>
void encode(Encoder& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>) {
    out.write_plain(static_cast<std::uint64_t>(value.size()));
    out.write(value.data(), value.size());
  } else if constexpr (detail::PlainSpan<T>::value) {
    out.write_range(value.data(), value.size(), sizeof(typename T::value_type));
  } else {
    detail::require_encodable<T>();
    if constexpr (!Encodable<T>) {
    } else if constexpr (std::is_same_v<T, UniqueFd>) {
      out.write_fd(value.get());
    } else if constexpr (std::is_same_v<T, Channel>) {
      out.write_fd(value.fd());
    } else if constexpr (detail::is_path<T>) {
      encode(out, value.native());
    } else if constexpr (EncodesItself<T>) {
      value.encode_into(out);
    } else if constexpr (detail::is_plain<T>) {
      out.write_plain(value);
    } else if constexpr (detail::PlainVector<T>::value) {
      out.write_range(value.data(), value.size(), sizeof(typename T::value_type));
    } else if constexpr (detail::cereal_knows<T>) {
      detail::EncoderArchive archive(out);
      archive(value);
    } else {
      boost::pfr::for_each_field(value, [&out](const auto& field) { encode(out, field); });
    }
  }
}

/// Reads a value that encode() wrote. T may also be std::span<const U> or std::string_view: a view that is
/// valid as long as `in`. Throws Error(protocol) where the bytes are not a T's.
template <typename T>
[[nodiscard]] T decode(Decoder& in) {
  if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>) {
    const auto bytes = in.read(in.read_plain<std::uint64_t>());
    return T(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else if constexpr (detail::PlainSpan<T>::value) {
    using Element = std::remove_const_t<typename T::element_type>;
    static_assert(alignof(Element) <= range_alignment,
                  "forebay: pass over-aligned elements as a std::vector");
    const auto bytes = in.read_range(sizeof(Element));
    return T(reinterpret_cast<const Element*>(bytes.data()), bytes.size() / sizeof(Element));
  } else {
    detail::require_encodable<T>();
    if constexpr (std::is_same_v<T, UniqueFd>) {
      return in.read_fd();
    } else if constexpr (std::is_same_v<T, Channel>) {
      return Channel(in.read_fd());
    } else if constexpr (detail::is_path<T>) {
      return T(decode<std::string>(in));
    } else if constexpr (EncodesItself<T>) {
      return T::decode_from(in);
    } else if constexpr (detail::is_plain<T>) {
      return in.read_plain<T>();
    } else if constexpr (detail::PlainVector<T>::value) {
      const auto bytes = in.read_range(sizeof(typename T::value_type));
      T value(bytes.size() / sizeof(typename T::value_type));
      if (!bytes.empty()) std::memcpy(static_cast<void*>(value.data()), bytes.data(), bytes.size());
      return value;
    } else if constexpr (detail::cereal_knows<T>) {
      T value{};
      detail::DecoderArchive archive(in);
      try {
        archive(value);
      } catch (const cereal::Exception& error) {
        throw Error(ErrorCode::protocol, std::string("received bytes that are no value: ") + error.what());
      }
      return value;
    } else {
      T value{};
      boost::pfr::for_each_field(
          value, [&in](auto& field) { field = decode<std::remove_reference_t<decltype(field)>>(in); });
      return value;
    }
  }
}

namespace detail {

template <NotForCereal T>
void save(EncoderArchive& archive, const T& value) {
  encode(archive.out(), value);
}
template <NotForCereal T>
void load(DecoderArchive& archive, T& value) {
  value = decode<T>(archive.in());
}

}  // namespace detail
}  // namespace forebay
