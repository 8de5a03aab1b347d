#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "host/process/remote_error.h"
#include "tests/pool/pool_probe.h"

// What may go wrong on a task's way, at each of its five stations, in each way: an exception, an exit, a
// crash. Every future gets the right exception, its neighbours their results, and nothing hangs.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words

/// Runs `call(trap)` between two others that go well.
template <typename Call>
void expect_outcome(const Call& call, Trap trap) {
  ProcessPoolExecutor executor(1);
  const Future<int> before = executor.submit(square, 2);
  const auto trapped = call(executor, trap);
  const Future<int> after = executor.submit(square, 3);
  if (trap == Trap::none) {
    EXPECT_NO_THROW(trapped.result(patience));
  } else if (trap == Trap::error) {
    EXPECT_EQ(words_of<std::domain_error>([&] { trapped.result(patience); }), "the trap was sprung");
  } else {
    try {
      trapped.result(patience);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const WorkerDied& error) {
      EXPECT_EQ(error.task(), 2U);
      EXPECT_EQ(error.signal(), trap == Trap::crash ? SIGKILL : 0);
      EXPECT_EQ(error.status().exit_code, trap == Trap::exit ? 3 : 0);
    }
  }
  EXPECT_EQ(before.result(patience), 4);
  EXPECT_EQ(after.result(patience), 9) << "those that came behind it are not concerned";
  EXPECT_EQ(executor.submit(square, 4).result(patience), 16) << "and the pool goes on";
}

constexpr Trap all_traps[] = {Trap::none, Trap::error, Trap::exit, Trap::crash};

TEST(X12, WhileAnArgumentIsSerialised) {
  // That is the caller's own process, where an exit or a crash would be the caller's.
  ProcessPoolExecutor executor(1);
  const auto take = [](const TrapOnSave&) { return 1; };
  EXPECT_THROW(static_cast<void>(executor.submit(take, TrapOnSave{Trap::error})), std::domain_error);
  EXPECT_EQ(executor.submit(take, TrapOnSave{}).result(patience), 1);
  executor.shutdown();
}

TEST(X13, WhileAnArgumentIsDeserialised) {
  const auto take = [](const TrapOnLoad&) { return 1; };
  for (const Trap trap : all_traps) {
    expect_outcome([&](auto& executor, Trap how) { return executor.submit(take, TrapOnLoad{how}); }, trap);
  }
}

TEST(X14, WhileTheTaskRuns) {
  for (const Trap trap : all_traps) {
    expect_outcome([&](auto& executor, Trap how) { return executor.submit(spring, how); }, trap);
  }
}

TEST(X15, WhileTheResultIsSerialised) {
  const auto make = [](Trap how) { return TrapOnSave{how}; };
  for (const Trap trap : all_traps) {
    expect_outcome([&](auto& executor, Trap how) { return executor.submit(make, how); }, trap);
  }
}

TEST(X16, WhileTheResultIsDeserialisedInTheParent) {
  // Again the caller's own process: what remains is the exception, which is the future's and no thread's end.
  const auto make = [](Trap how) { return TrapOnLoad{how}; };
  for (const Trap trap : {Trap::none, Trap::error}) {
    expect_outcome([&](auto& executor, Trap how) { return executor.submit(make, how); }, trap);
  }
}

/// Each of `wanted` from an imap with chunks of `chunk`: a number, or the words of a std::domain_error.
template <typename F, typename Item>
std::vector<std::string> outcomes(Pool& pool, const F& function, const std::vector<Item>& items,
                                  std::uint32_t chunk) {
  std::vector<std::string> all;
  auto walk = pool.imap(function, items, {.chunk_size = chunk});
  while (true) {
    try {
      if (!walk.next(patience)) return all;
      all.push_back("ok");
    } catch (const std::domain_error& error) {
      all.push_back("error");
    }
  }
}

TEST(Pitfall15, AnExceptionAtAnyStationReachesTheRightItemAndThePoolGoesOn) {
  Pool pool(2);
  const std::vector<std::string> wanted{"ok", "error", "ok", "ok"};
  const std::vector<Trap> traps{Trap::none, Trap::error, Trap::none, Trap::none};
  for (const std::uint32_t chunk : {1U, 2U, 4U}) {
    EXPECT_EQ(outcomes(
                  pool, [](Trap how) { return spring(how), 1; }, traps, chunk),
              wanted);
    EXPECT_EQ(outcomes(
                  pool, [](Trap how) { return TrapOnSave{how}; }, traps, chunk),
              wanted);
    EXPECT_EQ(outcomes(
                  pool, [](Trap how) { return TrapOnLoad{how}; }, traps, chunk),
              wanted);
  }
  const std::vector<TrapOnLoad> loads{{Trap::none}, {Trap::error}, {Trap::none}, {Trap::none}};
  EXPECT_EQ(outcomes(
                pool, [](const TrapOnLoad&) { return 1; }, loads, 1),
            wanted);
  // Where arguments of a chunk cannot be read, nobody knows where the next ones begin: the rest fails too.
  EXPECT_EQ(outcomes(
                pool, [](const TrapOnLoad&) { return 1; }, loads, 2),
            (std::vector<std::string>{"ok", "error", "ok", "ok"}));
  EXPECT_EQ(outcomes(
                pool, [](const TrapOnLoad&) { return 1; }, loads, 4),
            (std::vector<std::string>{"ok", "error", "error", "error"}));
  const std::vector<TrapOnSave> saves{{Trap::none}, {Trap::error}};
  EXPECT_THROW(pool.map([](const TrapOnSave&) { return 1; }, saves), std::domain_error);
  EXPECT_EQ(pool.apply(square, 5), 25);
}

/// Descriptors and a text: may be more than one message carries.
using FdsAndText = std::pair<std::vector<UniqueFd>, std::string>;

TEST(O17, AResultThatCannotBeSentFailsAloneTwentyTimesInARow) {
  Pool pool(2);
  const auto make = [](int kind) {
    FdsAndText result;
    for (int i = 0; i < 64; ++i) result.first.emplace_back(::dup(STDERR_FILENO));
    if (kind == 1) result.second.assign(100'000, 'x');
    return result;
  };
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(words_of<ResultNotSent>([&] { pool.apply(make, 1); }), testing::HasSubstr("descriptors"));
    const auto bad = [](int) { return TrapOnSave{Trap::error}; };
    EXPECT_THROW(pool.apply(bad, 0), std::domain_error) << "what the result's own serialize() throws";
  }
  EXPECT_EQ(pool.apply(make, 0).first.size(), 64U);
  EXPECT_EQ(pool.map(square, std::vector{1, 2}), (std::vector{1, 4}));
}

}  // namespace
}  // namespace forebay
