#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "host/codec/shared_range.h"
#include "host/pool/future_error.h"
#include "host/pool/pool.h"
#include "host/process/remote_error.h"
#include "tests/pool/pool_probe.h"

// Values of every kind through a real worker, and back.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words
using testing::HasSubstr;

struct Point {
  double x = 0;
  int label = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Track {
  std::string name;
  std::vector<Point> points;
  std::optional<int> speed;
  friend bool operator==(const Track&, const Track&) = default;
};

class Account {
 public:
  Account() = default;
  Account(std::string owner, int balance) : owner_(std::move(owner)), balance_(balance) {}
  friend bool operator==(const Account&, const Account&) = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(owner_, balance_);
  }

 private:
  std::string owner_;
  int balance_ = 0;
};

enum class Colour : std::uint8_t { red, green };

template <typename T>
T same(const T& value) {
  return value;
}

template <typename T>
void expect_same(Pool& pool, const T& value) {
  EXPECT_TRUE(pool.apply(&same<T>, value) == value) << testing::PrintToString(value);
  const std::vector<T> several(3, value);
  EXPECT_TRUE(pool.map(&same<T>, several, 2) == several);
}

TEST(Values, OfEveryKindGoThereAndBack) {
  Pool pool(1);
  expect_same(pool, 7);
  expect_same(pool, 2.5);
  expect_same(pool, true);
  expect_same(pool, Colour::green);
  expect_same(pool, std::string("text with \0 inside", 18));
  expect_same(pool, std::string(300'000, 'l'));
  expect_same(pool, std::vector<Point>{{1.5, 1}, {2.5, 2}});
  expect_same(pool, std::vector<Point>(20'000, Point{0.25, 3}));
  expect_same(pool, Track{"track", {{1, 2}}, 5});
  expect_same(pool, Track{"", {}, std::nullopt});
  expect_same(pool, std::vector<Track>{{"a", {}, 1}, {"b", {{3, 4}}, {}}});
  expect_same(pool, std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  expect_same(pool, std::variant<int, std::string, Track>(Track{"in", {}, 2}));
  expect_same(pool, std::optional<std::string>());
  expect_same(pool, std::tuple(1, std::string("two"), 3.0));
  expect_same(pool, std::array<std::string, 2>{"a", "b"});
  expect_same(pool, Account("me", 12));
  expect_same(pool, std::vector<bool>{true, false, true});
  expect_same(pool, std::vector<Account>{{"you", 1}, {"they", 2}});
}

TEST(Values, ViewsAreParametersThatLookAtWhatWasReceived) {
  Pool pool(1);
  const auto total = [](std::span<const int> numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
  };
  std::vector<int> few(10, 3);
  std::vector<int> many(1'000'000, 3);
  EXPECT_EQ(pool.apply(total, few), 30);
  EXPECT_EQ(pool.apply(total, many), 3'000'000);
  EXPECT_EQ(pool.apply(total, std::vector<int>{}), 0);
  EXPECT_THAT(pool.map(total, std::vector{few, many}), testing::ElementsAre(30, 3'000'000));
  const auto length = [](std::string_view text, std::span<const double> numbers) {
    return text.size() + numbers.size();
  };
  EXPECT_EQ(pool.apply(length, "literal", std::array{1.0, 2.0}), 9U);
  EXPECT_EQ(pool.apply(length, std::string(1000, 'x'), std::vector<double>(50)), 1050U);
}

TEST(Values, AHundredMegabytesGoAsOneArgument) {
  Pool pool(1);
  std::vector<std::uint8_t> bytes(100'000'000);
  for (std::size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<std::uint8_t>(i / 4096);
  const auto sum_up = [](std::span<const std::uint8_t> all) {
    std::uint64_t sum = all.size();
    for (std::size_t i = 0; i < all.size(); i += 4096) sum += all[i];
    return sum;
  };
  EXPECT_EQ(pool.apply(sum_up, bytes), sum_up(bytes));
  EXPECT_EQ(pool.apply([](std::size_t size) { return std::vector<char>(size, 'r'); }, 50'000'000U).size(),
            50'000'000U);
}

ino_t memory_of(const void* address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    unsigned long inode = 0;
    std::sscanf(line.c_str(), "%lx-%lx %*s %*s %*s %lu", &begin, &end, &inode);
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (begin <= at && at < end) return inode;
  }
  return 0;
}

TEST(Values, ASharedRangeIsTheSameMemoryInBothProcesses) {
  Pool pool(1);
  SharedRange<int> range(1000);
  range[0] = 5;
  const auto change = [](const SharedRange<int>& shared) {
    shared[1] = shared[0] + 1;
    return memory_of(shared.data());
  };
  EXPECT_EQ(pool.apply(change, range), memory_of(range.data())) << "no copy";
  EXPECT_EQ(range[1], 6) << "both see what either writes";
  const auto make = [](int value) {
    SharedRange<int> made(4096);
    made[4095] = value;
    return std::pair(made, memory_of(made.data()));
  };
  const auto [made, inode] = pool.apply_async(make, 9).get();
  EXPECT_EQ(made.size(), 4096U);
  EXPECT_EQ(made[4095], 9);
  EXPECT_EQ(memory_of(made.data()), inode);
  const auto same_range = pool.apply([](SharedRange<int> given) { return given; }, range);
  range[2] = 77;
  EXPECT_EQ(same_range[2], 77) << "there and back is still the same";
  EXPECT_EQ(pool.apply([](const SharedRange<int>& none) { return none.size(); }, SharedRange<int>()), 0U);
}

TEST(Values, DescriptorsGoThereAndBack) {
  Pool pool(1);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const auto write = [](UniqueFd out) {
    static_cast<void>(::write(out.get(), "hello", 5));
    return out;
  };
  const UniqueFd back = pool.apply(write, std::move(writer));
  EXPECT_EQ(::write(back.get(), "again", 5), 5);
  std::array<char, 10> text{};
  EXPECT_EQ(::read(reader.get(), text.data(), text.size()), 10);
  EXPECT_EQ(std::string_view(text.data(), 10), "helloagain");
}

TEST(Values, SixtyFourDescriptorsFitACallAndOneMoreIsAClearError) {
  Pool pool(1);
  const auto count = [](const std::vector<UniqueFd>& fds) {
    struct stat entry {};
    for (const UniqueFd& fd : fds) {
      if (::fstat(fd.get(), &entry) != 0) return std::size_t{0};
    }
    return fds.size();
  };
  const auto some = [](int number) {
    std::vector<UniqueFd> fds;
    for (int i = 0; i < number; ++i) fds.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    return fds;
  };
  EXPECT_EQ(pool.apply(count, some(64)), 64U);
  EXPECT_THAT(words_of<Error>([&] { pool.apply(count, some(65)); }), HasSubstr("at most 64 descriptors"));
  EXPECT_EQ(pool.apply_async(some, 64).get().size(), 64U);
  EXPECT_THAT(words_of<Error>([&] { pool.apply_async(some, 65).get(); }),
              HasSubstr("at most 64 descriptors"));
  EXPECT_EQ(pool.apply(count, some(1)), 1U);
}

TEST(Values, ArgumentsAreConvertedToTheParameters) {
  Pool pool(1);
  EXPECT_EQ(pool.apply([](double x) { return x / 2; }, 3), 1.5);
  EXPECT_EQ(pool.apply([](const std::string& text) { return text + "!"; }, "literal"), "literal!");
  EXPECT_EQ(pool.apply([](auto text) { return text.size(); }, "literal"), 7U);
  EXPECT_EQ(pool.apply([](std::unique_ptr<int> box) { return *box; }, std::make_unique<int>(4)), 4);
  EXPECT_EQ(pool.apply([]() noexcept { return 5; }), 5);
  EXPECT_EQ(pool.apply([](std::string&& text) { return std::move(text); }, std::string("moved")), "moved");
}

class OwnError : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "of a type of its own"; }
};

TEST(Values, ExceptionsArriveAsTheTypesThatTheyAre) {
  Pool pool(1);
  EXPECT_THROW(pool.apply([]() { throw std::system_error(ENOENT, std::generic_category(), "x"); }),
               std::system_error);
  EXPECT_THROW(pool.apply([]() { throw std::bad_alloc(); }), std::bad_alloc);
  EXPECT_THROW(pool.apply([]() { throw TimeoutError("too slow"); }), TimeoutError);
  EXPECT_THROW(pool.apply([]() { throw CancelledError("not wanted"); }), CancelledError);
  EXPECT_THROW(pool.apply([]() { throw InvalidStateError("twice"); }), InvalidStateError);
  EXPECT_THROW(pool.apply([]() { throw BrokenPromiseError("gone"); }), BrokenPromiseError);
  EXPECT_THROW(pool.apply([]() { throw BrokenProcessPool("inner"); }), BrokenProcessPool);
  EXPECT_THROW(pool.apply([]() { throw PoolTerminated(); }), PoolTerminated);
  EXPECT_EQ(error_code_of([&] { pool.apply([]() { throw Error(ErrorCode::no_space, "full"); }); }),
            ErrorCode::no_space);
  try {
    pool.apply([]() { throw OwnError(); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const RemoteError& error) {
    EXPECT_THAT(error.what(), HasSubstr("OwnError: of a type of its own"));
    EXPECT_EQ(error.pid, pool.worker_pids().at(0));
    EXPECT_EQ(error.code(), ErrorCode::remote);
  }
  EXPECT_THAT(words_of<RemoteError>([&] { pool.apply([]() { throw 42; }); }), HasSubstr("int: 42"));
}

TEST(Values, APoolInAWorkerWorks) {
  Pool pool(1);
  const auto nested = [](int x) {
    Pool inner(1);
    return inner.apply(square, x);
  };
  EXPECT_EQ(pool.apply(nested, 6), 36);
}

}  // namespace
}  // namespace forebay
