#include "host/process/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/host/open_fds.h"

namespace forebay {
namespace {

/// Runs calls here, as a worker would, and keeps what came of each item.
class Here final : public TaskReport {
 public:
  void run(Call& call, std::uint32_t first = 0, std::uint32_t count = 1) {
    Decoder arguments(call.arguments.bytes, call.arguments.fds);
    TaskFrame frame{arguments, call.function.target, first, count, *this};
    call.function.entry(frame);
  }
  void started(std::uint32_t item) override { log.push_back("started " + std::to_string(item)); }
  Encoder& result() override {
    encoder_.clear();
    return encoder_;
  }
  void returned(std::uint32_t item) override {
    log.push_back("returned " + std::to_string(item));
    results.push_back(encoder_.take());
  }
  void threw(std::uint32_t item, std::exception_ptr error) override {
    log.push_back("threw " + std::to_string(item));
    last_error = std::move(error);
  }

  std::vector<std::string> log;
  std::vector<Encoded> results;
  std::exception_ptr last_error;

 private:
  Encoder encoder_;
};

template <typename F, typename... A>
CallResult<F, A...> run_here(const F& function, A&&... arguments) {
  Call call = make_call(function, std::forward<A>(arguments)...);
  Here here;
  here.run(call);
  if (here.last_error) std::rethrow_exception(here.last_error);
  Decoder in(here.results.at(0).bytes, here.results.at(0).fds);
  return decode<CallResult<F, A...>>(in);
}

int twice(int x) { return 2 * x; }
int twice_without_exceptions(int x) noexcept { return 2 * x; }

TEST(Call, RunsFunctionsLambdasAndFunctors) {
  EXPECT_EQ(run_here(twice, 4), 8);
  EXPECT_EQ(run_here(&twice, 5), 10);
  EXPECT_EQ(run_here(twice_without_exceptions, 6), 12);
  EXPECT_EQ(run_here([](int a, const std::string& b) { return b + std::to_string(a); }, 1, "x"), "x1");
  EXPECT_EQ(run_here([](auto a, auto b) { return a + b; }, 1, 2.5), 3.5);
  struct Added {
    int number;
    int operator()(int x) const { return x + number; }
  };
  EXPECT_EQ(run_here(Added{5}, 2), 7);
}

TEST(Call, ConvertsArgumentsAndKeepsThemForTheCall) {
  EXPECT_EQ(run_here([](double x) { return x / 4; }, 1), 0.25);
  EXPECT_EQ(run_here([](std::string_view text) { return text.size(); }, "four"), 4U);
  EXPECT_EQ(run_here([](std::span<const int> all) { return all.back(); }, std::vector{1, 2, 3}), 3);
  EXPECT_EQ(run_here([](std::unique_ptr<int> box) { return *box; }, std::make_unique<int>(3)), 3);
  EXPECT_EQ(run_here([](const std::optional<std::string>& maybe) { return maybe.has_value(); }, std::nullopt),
            false);
}

TEST(Call, GivesAwayWhatIsMovedInAndCopiesWhatIsNot) {
  const std::size_t before = open_fds();
  UniqueFd kept(::dup(STDERR_FILENO));
  UniqueFd given(::dup(STDERR_FILENO));
  {
    const Call call = make_call([](const UniqueFd&, const UniqueFd&) {}, kept, std::move(given));
    EXPECT_TRUE(kept.valid());
    EXPECT_FALSE(given.valid());  // NOLINT(bugprone-use-after-move): that it was moved from is the point
    EXPECT_EQ(call.arguments.fds.size(), 2U);
  }
  EXPECT_EQ(open_fds(), before + 1);
}

TEST(Call, RunsTheItemsOfAChunkFromAnyOneOn) {
  Encoder out;
  for (int i = 0; i < 4; ++i) encode(out, i);
  Call call{target_of<decltype(twice), int>(twice), out.take()};
  Here here;
  here.run(call, 2, 4);
  EXPECT_THAT(here.log, testing::ElementsAre("started 2", "returned 2", "started 3", "returned 3"));
  Decoder in(here.results.at(0).bytes, {});
  EXPECT_EQ(decode<int>(in), 4);
}

TEST(Call, TellsArgumentsThatCannotBeReadOfEveryItemLeft) {
  Encoder out;
  encode(out, 1);
  out.write("xy", 2);  // too short for an int
  Call call{target_of<decltype(twice), int>(twice), out.take()};
  Here here;
  here.run(call, 0, 3);
  EXPECT_THAT(here.log, testing::ElementsAre("started 0", "returned 0", "started 1", "threw 1", "threw 2"));
  EXPECT_THROW(std::rethrow_exception(here.last_error), Error);
}

}  // namespace
}  // namespace forebay
