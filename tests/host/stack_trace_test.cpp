// Where an exception was thrown, as the other process tells it.
#include "host/process/stack_trace.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "host/process/child.h"
#include "host/process/remote_error.h"
#include "tests/host/crossing.h"
#include "tests/process/probe.h"

namespace forebay {
namespace {

using probe::crossed;
using probe::thrown_by;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

volatile int depth_of_throw = 3;  // unknown to the optimiser

[[gnu::noinline]] int thrower_deep_inside(int depth) {
  if (depth == 0) throw std::runtime_error("deep");
  return thrower_deep_inside(depth - 1) + depth_of_throw;
}

[[gnu::noinline]] int caller_of_the_thrower() { return thrower_deep_inside(depth_of_throw) + depth_of_throw; }

[[gnu::noinline]] int wraps_what_is_thrown() {
  try {
    return caller_of_the_thrower() + depth_of_throw;
  } catch (...) {
    std::throw_with_nested(std::logic_error("wrapped"));
  }
}

std::vector<std::string> trace_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(crossed(exception));
  } catch (const std::exception& error) {
    return remote_info(error)->trace;
  }
}

/// How many lines, from the first on, name `function`.
std::size_t first_lines_with(const std::vector<std::string>& trace, const std::string& function) {
  std::size_t count = 0;
  while (count < trace.size() && trace[count].find(function) != std::string::npos) ++count;
  return count;
}

TEST(StackTrace, NamesTheFunctionThatThrewAndItsCallers) {
  const TraceScope scope;
  const std::vector<std::string> trace = trace_of(thrown_by(&caller_of_the_thrower));
  const std::size_t throwers = first_lines_with(trace, "thrower_deep_inside(int)");
  EXPECT_GE(throwers, 1U);
  EXPECT_LE(throwers, 4U);  // fewer where the compiler makes the recursion a loop
  ASSERT_LT(throwers, trace.size());
  EXPECT_THAT(trace, Contains(HasSubstr("caller_of_the_thrower()")));
  EXPECT_THAT(trace, Each(MatchesRegex(".*/.*\\+0x[0-9a-f]+\\)?")));
}

TEST(StackTrace, Addr2lineTakesTheOffsets) {
  const TraceScope scope;
  const std::string line = trace_of(thrown_by(&caller_of_the_thrower)).at(0);
  const std::size_t begin = line.rfind('(') + 1;
  const std::size_t plus = line.rfind("+0x");
  const std::string image = line.substr(begin, plus - begin);
  const std::string offset = line.substr(plus + 1, line.rfind(')') - plus - 1);
  const std::string command = "addr2line -f -e '" + image + "' " + offset + " 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  ASSERT_TRUE(pipe);
  std::string said(4096, '\0');
  said.resize(std::fread(said.data(), 1, said.size(), pipe.get()));
  if (said.find("not found") != std::string::npos) GTEST_SKIP() << "there is no addr2line (binutils)";
  EXPECT_THAT(said, HasSubstr("thrower_deep_inside")) << command;
}

TEST(StackTrace, ARethrowKeepsThePlaceOfTheThrow) {
  const TraceScope scope;
  const auto rethrown = thrown_by([] {
    try {
      caller_of_the_thrower();
    } catch (...) {
      throw;
    }
  });
  EXPECT_THAT(trace_of(rethrown).at(0), HasSubstr("thrower_deep_inside"));
  const auto through_a_pointer = thrown_by([&] { std::rethrow_exception(rethrown); });
  EXPECT_THAT(trace_of(through_a_pointer).at(0), HasSubstr("thrower_deep_inside"));
}

TEST(StackTrace, ACauseHasItsOwn) {
  const TraceScope scope;
  try {
    std::rethrow_exception(crossed(thrown_by(&wraps_what_is_thrown)));
  } catch (const std::logic_error& error) {
    EXPECT_THAT(remote_info(error)->trace, Contains(HasSubstr("wraps_what_is_thrown()")));
    EXPECT_THAT(remote_info(error)->trace, Not(Contains(HasSubstr("thrower_deep_inside"))));
    try {
      std::rethrow_if_nested(error);
      FAIL() << "no cause";
    } catch (const std::runtime_error& cause) {
      EXPECT_THAT(remote_info(cause)->trace.at(0), HasSubstr("thrower_deep_inside"));
    }
    EXPECT_THAT(remote_traceback(error),
                HasSubstr("  at forebay::(anonymous namespace)::thrower_deep_inside(int)"));
  }
}

TEST(StackTrace, WithoutAScopeThereIsNone) {
  EXPECT_THAT(trace_of(thrown_by(&caller_of_the_thrower)), IsEmpty());
  const TraceScope scope;
  std::exception_ptr of_other_thread;
  std::thread([&] { of_other_thread = thrown_by(&caller_of_the_thrower); }).join();
  EXPECT_THAT(trace_of(of_other_thread), IsEmpty());
}

TEST(StackTrace, ScopesNestAndForget) {
  std::exception_ptr exception;
  const TraceScope outer;
  {
    const TraceScope inner;
    exception = thrown_by(&caller_of_the_thrower);
    EXPECT_THAT(trace_of(exception), Not(IsEmpty()));
  }
  EXPECT_THAT(trace_of(exception), IsEmpty());
  exception = thrown_by(&caller_of_the_thrower);
  {
    const TraceScope inner;
    EXPECT_THAT(trace_of(exception), Not(IsEmpty()));
  }
  EXPECT_THAT(trace_of(exception), Not(IsEmpty()));
}

TEST(StackTrace, AFewThrowsMeanwhileAreNoMatterMoreAreForgotten) {
  const TraceScope scope;
  const auto kept = thrown_by(&caller_of_the_thrower);
  std::vector<std::exception_ptr> others;
  for (std::size_t i = 1; i < limits::throws_remembered; ++i) {
    others.push_back(thrown_by(&caller_of_the_thrower));
  }
  EXPECT_THAT(trace_of(kept), Not(IsEmpty()));
  others.push_back(thrown_by(&caller_of_the_thrower));
  EXPECT_THAT(trace_of(kept), IsEmpty());
}

[[gnu::noinline]] int recursive(int depth) {
  if (depth == 0) return caller_of_the_thrower();
  const volatile int here = recursive(depth - 1);
  return here + depth;
}

TEST(StackTrace, DeepRecursionKeepsTheInnermostCalls) {
  const TraceScope scope;
  const std::vector<std::string> trace = trace_of(thrown_by([] { recursive(1000); }));
  EXPECT_EQ(trace.size(), limits::exception_frames_max);
  EXPECT_THAT(trace.front(), HasSubstr("thrower_deep_inside"));
  EXPECT_THAT(trace.back(), HasSubstr("recursive"));
}

TEST(StackTrace, NamesFunctionsOfALoadedLibrary) {
  void* library = ::dlopen(FOREBAY_THROWING_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto throw_from_library = reinterpret_cast<int (*)()>(::dlsym(library, "throw_from_library"));
  ASSERT_NE(throw_from_library, nullptr);
  std::vector<std::string> trace;
  {
    const TraceScope scope;
    trace = trace_of(thrown_by(throw_from_library));
  }
  ASSERT_THAT(trace, Not(IsEmpty()));
  EXPECT_THAT(trace.front(), HasSubstr("hidden_in_a_library"));
  EXPECT_THAT(trace.front(), HasSubstr(FOREBAY_THROWING_LIBRARY "+0x"));
  EXPECT_THAT(trace, Contains(HasSubstr("throw_from_library")));
}

TEST(StackTrace, AddressesOfNoImageAreNumbers) {
  const std::uintptr_t nowhere = 0x10;
  EXPECT_THAT(describe_frames(std::span(&nowhere, 1)), ::testing::ElementsAre("0x10"));
}

TEST(StackTrace, NamesAreDemangledWhereTheyAreMangled) {
  EXPECT_EQ(demangled("_ZN7forebay4initEiPPc"), "forebay::init(int, char**)");
  EXPECT_EQ(demangled("main"), "main");
}

int throws_in_a_child(Channel channel) {
  const TraceScope scope;
  const auto bytes = encode_exception(thrown_by(&caller_of_the_thrower), ::getpid(), 1, "");
  try {
    std::rethrow_exception(decode_exception(bytes));
  } catch (const std::exception& error) {
    probe::tell(channel, probe::Note::of(remote_info(error)->trace.at(0)));
  }
  return 0;
}

TEST(StackTrace, WorksInAChild) {
  Child child = Child::spawn(&throws_in_a_child, {"forebay: test child", "forebay-test"});
  EXPECT_THAT(probe::hear(child.channel()).words(), HasSubstr("thrower_deep_inside(int)"));
}

TEST(StackTrace, RememberingCostsMicroseconds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's throw is no measure";
#endif
  using Clock = std::chrono::steady_clock;
  const auto best_of_throws = [] {
    auto best = Clock::duration::max();
    for (int i = 0; i < 2000; ++i) {
      const auto begin = Clock::now();
      static_cast<void>(thrown_by(&caller_of_the_thrower));
      best = std::min(best, Clock::now() - begin);
    }
    return best;
  };
  const auto without = best_of_throws();
  const TraceScope scope;
  const auto with = best_of_throws();
  RecordProperty("ns", static_cast<int>((with - without).count()));
  EXPECT_LT(with - without, std::chrono::microseconds(20)) << "a throw alone: " << without.count() << " ns";
}

}  // namespace
}  // namespace forebay
