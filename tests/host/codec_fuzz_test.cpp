#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "host/codec/codec.h"
#include "host/codec/shared_range.h"

namespace forebay {
namespace {

struct Inner {
  std::string name;
  std::vector<std::uint16_t> numbers;
};
struct Outer {
  std::map<std::string, std::vector<Inner>> inners;
  std::variant<int, std::string, Inner> choice;
  std::optional<std::tuple<bool, double, std::string>> maybe;
  std::unique_ptr<std::string> box;
  std::shared_ptr<int> shared;
  std::vector<bool> flags;
};

Outer sample() {
  Outer outer;
  outer.inners["one"] = {{"a", {1, 2, 3}}, {"b", {}}};
  outer.inners["two"] = {};
  outer.choice = Inner{"chosen", {9}};
  outer.maybe.emplace(true, 0.5, "text");
  outer.box = std::make_unique<std::string>("boxed");
  outer.shared = std::make_shared<int>(4);
  outer.flags = {true, false, true};
  return outer;
}

std::vector<std::byte> mutated(std::vector<std::byte> bytes, std::mt19937_64& random) {
  const auto at = [&] { return static_cast<std::ptrdiff_t>(random() % bytes.size()); };
  for (std::uint64_t changes = 1 + random() % 4; changes != 0 && !bytes.empty(); --changes) {
    switch (random() % 5) {
      case 0: bytes[static_cast<std::size_t>(at())] = static_cast<std::byte>(random()); break;
      case 1: bytes[static_cast<std::size_t>(at())] ^= static_cast<std::byte>(1U << random() % 8); break;
      case 2: bytes.resize(static_cast<std::size_t>(at())); break;
      case 3: bytes.insert(bytes.begin() + at(), static_cast<std::byte>(random())); break;
      default: {
        // A size of all ones, say: what a container would ask memory for.
        const std::uint64_t number = random() % 2 == 0 ? ~std::uint64_t{0} >> random() % 64 : random();
        for (std::size_t i = 0, begin = static_cast<std::size_t>(at()); i < 8 && begin + i < bytes.size();
             ++i) {
          bytes[begin + i] = static_cast<std::byte>(number >> 8 * i);
        }
      }
    }
  }
  return bytes;
}

/// A value, or Error(protocol): nothing else. Counts the latter.
template <typename T>
std::size_t fuzz(const T& value, std::uint64_t seed, int rounds) {
  Encoder out;
  encode(out, value);
  const Encoded encoded = out.take();
  std::mt19937_64 random(seed);
  std::size_t refused = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::vector<std::byte> bytes = mutated(encoded.bytes, random);
    std::vector<UniqueFd> fds;
    for (const UniqueFd& fd : encoded.fds) fds.emplace_back(::dup(fd.get()));
    Decoder in(bytes, fds);
    try {
      static_cast<void>(decode<T>(in));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::protocol)
          << "seed " << seed << " round " << round << ": " << error.what();
      ++refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "seed " << seed << " round " << round << ": " << error.what();
      return refused;
    }
  }
  return refused;
}

TEST(CodecFuzz, MutatedBytesAreAValueOrAProtocolError) {
  rusage before{};
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &before), 0);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) EXPECT_GT(fuzz(sample(), seed, 20'000), 1000U);
  EXPECT_GT(fuzz(std::vector<int>(100, 1), 1, 20'000), 1000U);
  EXPECT_GT(fuzz(std::string("a text"), 1, 5'000), 500U);
  EXPECT_GT(fuzz(std::vector<std::vector<std::string>>{{"a", "b"}, {"c"}}, 1, 20'000), 1000U);
  EXPECT_GT(fuzz(std::tuple(1, std::optional<std::string>("x"), std::wstring(L"w")), 1, 20'000), 1000U);
  EXPECT_GT(fuzz(std::vector<SharedRange<int>>{SharedRange<int>(10), SharedRange<int>(3)}, 1, 2'000), 200U);
  EXPECT_GT(fuzz(std::vector<int>(50'000, 1), 1, 2'000), 200U) << "in shared memory";
  rusage after{};
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &after), 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr long kib_max = 1'000'000;  // a sanitizer keeps what was freed for a while
#else
  constexpr long kib_max = 200'000;
#endif
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, kib_max) << "KiB: no lie about a size takes memory";
}

}  // namespace
}  // namespace forebay
