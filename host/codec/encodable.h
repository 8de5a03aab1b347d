#pragma once

#include <array>
#include <boost/pfr.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/bitset.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/forward_list.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/queue.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/stack.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/valarray.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <chrono>
#include <complex>
#include <concepts>
#include <coroutine>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <source_location>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <typeindex>

#include "host/channel/channel.h"
#include "host/codec/archive.h"
#include "host/memory/unique_fd.h"

namespace forebay {

/// A type with its own way: `void encode_into(Encoder&) const` and `static T decode_from(Decoder&)`.
template <typename T>
concept EncodesItself = requires(const T& value, Encoder& out, Decoder& in) {
  value.encode_into(out);
  { T::decode_from(in) } -> std::same_as<T>;
};

namespace detail {

template <typename T>
struct Refused : std::false_type {};
template <>
struct Refused<std::string_view> : std::true_type {};
template <typename T, std::size_t n>
struct Refused<std::span<T, n>> : std::true_type {};
template <typename T>
struct Refused<std::reference_wrapper<T>> : std::true_type {};
template <typename T>
struct Refused<std::initializer_list<T>> : std::true_type {};
template <>
struct Refused<std::nullptr_t> : std::true_type {};
template <>
struct Refused<std::error_code> : std::true_type {};
template <>
struct Refused<std::error_condition> : std::true_type {};
template <>
struct Refused<std::type_index> : std::true_type {};
template <>
struct Refused<std::source_location> : std::true_type {};
template <typename P>
struct Refused<std::coroutine_handle<P>> : std::true_type {};

/// Iterators, and ranges that do not own their elements.
template <typename T>
inline constexpr bool looks_elsewhere = false;
template <typename T>
requires(std::is_class_v<T> &&
         (std::input_or_output_iterator<T> ||
          std::ranges::borrowed_range<T>)) inline constexpr bool looks_elsewhere<T> = true;

/// Addresses, and what holds addresses, mean nothing in another process.
template <typename T>
inline constexpr bool holds_addresses = std::is_pointer_v<T> || std::is_member_pointer_v<T> ||
                                        std::is_reference_v<T> || Refused<T>::value || looks_elsewhere<T>;

/// The standard type that a class is, or is derived from: cereal would take a derived one for its base and
/// lose the members that it adds.
template <typename T, typename A>
std::vector<T, A> standard_type(const std::vector<T, A>*);
template <typename T, typename A>
std::deque<T, A> standard_type(const std::deque<T, A>*);
template <typename T, typename A>
std::list<T, A> standard_type(const std::list<T, A>*);
template <typename T, typename A>
std::forward_list<T, A> standard_type(const std::forward_list<T, A>*);
template <typename C, typename T, typename A>
std::basic_string<C, T, A> standard_type(const std::basic_string<C, T, A>*);
template <typename... T>
std::set<T...> standard_type(const std::set<T...>*);
template <typename... T>
std::multiset<T...> standard_type(const std::multiset<T...>*);
template <typename... T>
std::unordered_set<T...> standard_type(const std::unordered_set<T...>*);
template <typename... T>
std::map<T...> standard_type(const std::map<T...>*);
template <typename... T>
std::multimap<T...> standard_type(const std::multimap<T...>*);
template <typename... T>
std::unordered_map<T...> standard_type(const std::unordered_map<T...>*);
template <typename A, typename B>
std::pair<A, B> standard_type(const std::pair<A, B>*);
template <typename... T>
std::tuple<T...> standard_type(const std::tuple<T...>*);
template <typename T>
std::optional<T> standard_type(const std::optional<T>*);
template <typename... T>
std::variant<T...> standard_type(const std::variant<T...>*);
template <typename T, std::size_t n>
std::array<T, n> standard_type(const std::array<T, n>*);

template <typename T>
inline constexpr bool loses_members = false;
template <typename T>
requires requires(const T* value) { standard_type(value); }
inline constexpr bool loses_members<T> =
    !EncodesItself<T> && !std::is_same_v<decltype(standard_type(static_cast<const T*>(nullptr))), T>;

template <typename T>
inline constexpr bool is_path = std::is_same_v<T, std::filesystem::path>;

template <typename T>
inline constexpr bool is_descriptor = std::is_same_v<T, UniqueFd> || std::is_same_v<T, Channel>;

/// Standard containers and whatever has a serialize(), save() and load() for any archive.
template <typename T>
inline constexpr bool cereal_knows =
    cereal::traits::is_output_serializable<T, cereal::BinaryOutputArchive>::value&&
        cereal::traits::is_input_serializable<T, cereal::BinaryInputArchive>::value;

/// Standard types that cereal takes apart, but of which any bytes are a value: they go as bytes, and a range
/// of them can be looked at in place.
template <typename T>
struct AnyBytes : std::false_type {};
template <typename T>
struct AnyBytes<std::complex<T>> : std::true_type {};
template <typename R, typename P>
struct AnyBytes<std::chrono::duration<R, P>> : std::true_type {};
template <typename C, typename D>
struct AnyBytes<std::chrono::time_point<C, D>> : std::true_type {};

template <typename T>
consteval bool plain();
template <typename T, std::size_t n>
struct AnyBytes<std::array<T, n>> {
  static constexpr bool value = plain<T>();
};

/// A closure with captures is plain bytes to the compiler, but those bytes may be references; it is told by
/// having neither a default constructor nor the form of an aggregate. A serialize() goes first: whoever wrote
/// one had a reason, a pointer say. An optional or variant is not plain: not any bytes are one.
template <typename T>
consteval bool plain() {
  if constexpr (!std::is_trivially_copyable_v<T> || holds_addresses<T> || EncodesItself<T>) {
    return false;
  } else if constexpr (!std::is_class_v<T>) {
    return true;
  } else if constexpr (std::is_default_constructible_v<T> || std::is_aggregate_v<T>) {
    return AnyBytes<T>::value || !cereal_knows<T>;
  } else {
    return false;
  }
}

template <typename T>
inline constexpr bool is_plain = plain<T>();

template <typename T>
inline constexpr bool is_record =
    std::is_aggregate_v<T>&& std::is_class_v<T> && !std::is_trivially_copyable_v<T>;

/// What the archives hand back to encode() and decode().
template <typename T>
concept NotForCereal = std::is_class_v<T> &&(EncodesItself<T> || is_descriptor<T> || is_path<T> ||
                                             (!cereal_knows<T> && (is_plain<T> || is_record<T>)));

template <typename T>
consteval bool encodable();

template <typename T, std::size_t... i>
consteval bool fields_encodable(std::index_sequence<i...> /*fields*/) {
  return (encodable<boost::pfr::tuple_element_t<i, T>>() && ...);
}

/// Of a container or wrapper: whether what it holds is encodable. Types of other templates answer for
/// themselves.
template <typename T>
struct Held {
  static constexpr bool encodable = true;
};
template <typename... T>
consteval bool all_encodable() {
  return (encodable<T>() && ...);
}
/// True where a type argument is one of the helpers that containers take along (allocators, comparators,
/// deleters): they hold nothing that travels.
template <template <typename...> typename Container, typename First, typename... Rest>
struct HeldByContainer {
  static constexpr bool encodable = detail::encodable<First>();
};
template <typename T, typename A>
struct Held<std::vector<T, A>> : HeldByContainer<std::vector, T> {};
template <typename T, typename A>
struct Held<std::deque<T, A>> : HeldByContainer<std::deque, T> {};
template <typename T, typename A>
struct Held<std::list<T, A>> : HeldByContainer<std::list, T> {};
template <typename T, typename A>
struct Held<std::forward_list<T, A>> : HeldByContainer<std::forward_list, T> {};
template <typename T, typename C, typename A>
struct Held<std::set<T, C, A>> : HeldByContainer<std::set, T> {};
template <typename T, typename C, typename A>
struct Held<std::multiset<T, C, A>> : HeldByContainer<std::multiset, T> {};
template <typename T, typename H, typename E, typename A>
struct Held<std::unordered_set<T, H, E, A>> : HeldByContainer<std::unordered_set, T> {};
template <typename T>
struct Held<std::optional<T>> : HeldByContainer<std::optional, T> {};
template <typename T, typename D>
struct Held<std::unique_ptr<T, D>> : HeldByContainer<std::unique_ptr, T> {};
template <typename T>
struct Held<std::shared_ptr<T>> : HeldByContainer<std::shared_ptr, T> {};
template <typename T, std::size_t n>
struct Held<std::array<T, n>> {
  static constexpr bool encodable = detail::encodable<T>();
};
template <typename K, typename V, typename... R>
struct Held<std::map<K, V, R...>> {
  static constexpr bool encodable = all_encodable<K, V>();
};
template <typename K, typename V, typename... R>
struct Held<std::multimap<K, V, R...>> {
  static constexpr bool encodable = all_encodable<K, V>();
};
template <typename K, typename V, typename... R>
struct Held<std::unordered_map<K, V, R...>> {
  static constexpr bool encodable = all_encodable<K, V>();
};
template <typename A, typename B>
struct Held<std::pair<A, B>> {
  static constexpr bool encodable = all_encodable<A, B>();
};
template <typename... T>
struct Held<std::tuple<T...>> {
  static constexpr bool encodable = all_encodable<T...>();
};
template <typename... T>
struct Held<std::variant<T...>> {
  static constexpr bool encodable = all_encodable<T...>();
};

template <typename T>
consteval bool encodable() {
  if constexpr (std::is_same_v<T, std::monostate>) {
    return true;
  } else if constexpr (std::is_void_v<T>) {
    return false;
  } else if constexpr (holds_addresses<T> || loses_members<T>) {
    return false;
  } else if constexpr (is_path<T>) {
    return true;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || is_descriptor<T> || EncodesItself<T>) {
    return true;
  } else if constexpr (cereal_knows<T>) {
    return std::is_default_constructible_v<T> && Held<T>::encodable;
  } else if constexpr (is_plain<T>) {
    return true;
  } else if constexpr (is_record<T>) {
    return std::is_default_constructible_v<T> &&
           fields_encodable<T>(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
  } else {
    return false;
  }
}

}  // namespace detail

/// A type whose values can travel to another process of the same program: plain (trivially copyable) types;
/// the standard's strings, containers, tuples, optionals, variants and smart pointers of such; aggregates of
/// such, field by field; classes with cereal's serialize(); descriptors (UniqueFd, Channel), SharedRange, and
/// whatever encodes itself. Never pointers, references, views, or lambdas that capture.
/// A plain struct travels as its bytes, so it must not hold pointers: the compiler cannot see that.
template <typename T>
concept Encodable = detail::encodable<std::remove_cvref_t<T>>();

}  // namespace forebay
