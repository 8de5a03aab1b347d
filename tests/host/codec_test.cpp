#include "host/codec/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "host/codec/shared_range.h"
#include "tests/host/open_fds.h"

namespace forebay {
namespace {

struct Plain {
  int a = 0;
  double b = 0;
  friend bool operator==(const Plain&, const Plain&) = default;
};

struct Record {
  std::string name;
  std::vector<Plain> plains;
  std::map<int, std::optional<std::string>> notes;
  friend bool operator==(const Record&, const Record&) = default;
};

/// Plain bytes to the compiler, but with a serialize(): that goes first.
struct Indirect {
  static inline int target = 0;
  int* where = &target;
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
  }
};

class NoDefault {
 public:
  explicit NoDefault(int number) : number_(number) {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number_);
  }

 private:
  int number_;
};

template <typename T>
T there_and_back(const T& value) {
  Encoder out;
  encode(out, value);
  Encoded encoded = out.take();
  Decoder in(encoded.bytes, encoded.fds);
  T result = decode<T>(in);
  EXPECT_EQ(in.left(), 0U);
  return result;
}

template <typename T>
void expect_round_trip(const T& value) {
  EXPECT_TRUE(there_and_back(value) == value);
  EXPECT_TRUE(there_and_back(std::vector<T>(3, value)) == std::vector<T>(3, value));
}

TEST(Codec, BringsBackEveryKindOfValue) {
  expect_round_trip(1);
  expect_round_trip(std::int64_t{-5});
  expect_round_trip('c');
  expect_round_trip(true);
  expect_round_trip(0.5F);
  expect_round_trip(Plain{1, 2.5});
  expect_round_trip(std::string("text"));
  expect_round_trip(std::string());
  expect_round_trip(std::wstring(L"wide"));
  expect_round_trip(std::vector<int>{1, 2});
  expect_round_trip(std::vector<int>{});
  expect_round_trip(std::vector<bool>{true, false});
  expect_round_trip(std::vector<std::vector<std::string>>{{"a"}, {}, {"b", "c"}});
  expect_round_trip(Record{"name", {{1, 2}}, {{1, "x"}, {2, std::nullopt}}});
  expect_round_trip(std::tuple(1, std::string("two"), Record{}));
  expect_round_trip(std::pair(1, std::string("p")));
  expect_round_trip(std::array<int, 3>{1, 2, 3});
  expect_round_trip(std::variant<int, std::string>("v"));
  expect_round_trip(std::variant<std::monostate, int>());
  expect_round_trip(std::optional<int>());
  expect_round_trip(std::optional<int>(7));
  expect_round_trip(std::deque<int>{1, 2});
  expect_round_trip(std::list<std::string>{"l"});
  expect_round_trip(std::set<int>{3, 1});
  expect_round_trip(std::unordered_map<std::string, int>{{"a", 1}});
  expect_round_trip(std::complex<double>(1, 2));
  expect_round_trip(std::bitset<9>(5));
  expect_round_trip(std::chrono::milliseconds(5));
  expect_round_trip(std::chrono::steady_clock::now());
}

TEST(Codec, BringsBackWhatOwnsItsValue) {
  EXPECT_EQ(*there_and_back(std::make_unique<int>(4)), 4);
  EXPECT_EQ(there_and_back(std::unique_ptr<int>()), nullptr);
  EXPECT_EQ(*there_and_back(std::make_shared<std::string>("s")), "s");
}

TEST(Codec, AsksSerializeAlsoWhereBytesWouldDo) {
  int other = 3;
  Indirect value;
  value.where = &other;
  value.value = 8;
  const Indirect back = there_and_back(value);
  EXPECT_EQ(back.value, 8);
  EXPECT_EQ(back.where, &Indirect::target) << "its bytes did not travel";
  EXPECT_EQ(there_and_back(std::vector{value, value})[1].where, &Indirect::target);
}

TEST(Codec, KnowsWhatCanTravel) {
  static_assert(Encodable<Record> && Encodable<std::vector<Plain>> && Encodable<UniqueFd>);
  static_assert(Encodable<SharedRange<int>> && Encodable<std::vector<SharedRange<float>>>);
  static_assert(!Encodable<int*> && !Encodable<std::vector<int*>> && !Encodable<std::optional<int*>>);
  static_assert(!Encodable<std::string_view> && !Encodable<std::span<const int>> &&
                !Encodable<std::nullptr_t>);
  static_assert(!Encodable<std::reference_wrapper<int>> && !Encodable<std::map<int, const char*>>);
  static_assert(!Encodable<std::tuple<int, void*>> && !Encodable<std::variant<int, int*>>);
  static_assert(!Encodable<NoDefault> && !Encodable<void>);
  struct HasView {
    std::string name;
    std::string_view view;
  };
  static_assert(!Encodable<HasView>);
  int captured = 1;
  [[maybe_unused]] const auto closure = [&captured] { return captured; };
  static_assert(!Encodable<decltype(closure)>);
  EXPECT_EQ(closure(), 1);
}

TEST(Codec, LargeRangesLieInSharedMemoryAndAreLookedAtInPlace) {
  const std::vector<int> large(limits::shared_range_bytes_min / sizeof(int), 6);
  Encoder out;
  encode(out, large);
  EXPECT_EQ(out.encoded().fds.size(), 1U);
  EXPECT_LT(out.encoded().bytes.size(), 100U);
  Encoded encoded = out.take();
  Decoder in(encoded.bytes, encoded.fds);
  const auto view = decode<std::span<const int>>(in);
  EXPECT_EQ(view.size(), large.size());
  EXPECT_EQ(view.back(), 6);

  Encoder small;
  encode(small, std::string("odd"));
  encode(small, std::vector<double>{1, 2});
  const Encoded few = small.take();
  EXPECT_TRUE(few.fds.empty());
  Decoder from(few.bytes, {});
  EXPECT_EQ(decode<std::string_view>(from), "odd");
  const auto doubles = decode<std::span<const double>>(from);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(doubles.data()) % range_alignment, 0U);
  EXPECT_EQ(doubles[1], 2);
}

TEST(Codec, LeavesNoDescriptorBehind) {
  const std::size_t before = open_fds();
  for (int i = 0; i < 3; ++i) {
    static_cast<void>(there_and_back(std::vector<int>(100'000)));
    static_cast<void>(there_and_back(SharedRange<int>(5)));
    Encoder dropped;
    encode(dropped, SharedRange<int>(5));
  }
  EXPECT_EQ(open_fds(), before);
}

TEST(Codec, ARangeAboveTheMachinesMemoryIsRefused) {
  Encoder out;
  out.write_plain(~std::uint64_t{0});
  out.write_plain(RangePlace::message);
  const Encoded encoded = out.take();
  Decoder in(encoded.bytes, {});
  EXPECT_THROW(decode<std::vector<int>>(in), Error);
}

}  // namespace
}  // namespace forebay
