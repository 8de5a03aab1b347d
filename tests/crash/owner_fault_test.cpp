// Every operation of the backend fails in every way, at the first call, the third, or all from there on.
#include <gtest/gtest.h>

#include <cstdlib>

#include "host/error.h"
#include "tests/crash/solid_pictures.h"

namespace forebay {
namespace {

using testing_pictures::expect_rows;
using testing_pictures::Outcome;
using testing_pictures::small_options;
using testing_pictures::SolidPictures;
using testing_pictures::take_all;

constexpr std::uint32_t count = 28;  // three batches of 8 and a short one

Outcome run(const SolidPictures& pictures, const std::string& rule, std::uint32_t batch = 8) {
  ::setenv("FOREBAY_FAULT", rule.c_str(), 1);
  Outcome outcome = take_all(PipelineBuilder::pictures({pictures.folder()})
                                 .options(small_options(batch))
                                 .device_stage("Poison", FOREBAY_POISON_MODULE));
  ::unsetenv("FOREBAY_FAULT");
  return outcome;
}

struct Case {
  const char* operation;
  const char* kind;
  const char* when;
};

std::string rule_of(const Case& c) { return std::string(c.operation) + ":" + c.when + ":" + c.kind; }

/// Whether the run must come through. An operation that every process needs once and that always fails is the
/// end; so is one that is sticky at the first call, because every new owner meets it again.
bool survives(const Case& c) {
  const std::string operation = c.operation;
  const std::string when = c.when;
  if (operation == "pin") return false;                  // every owner pins more than three ranges
  if (operation == "load_stage") return when[0] == '3';  // there is one stage
  if (std::string(c.kind) == "sticky") return when[0] == '3';
  return when != "1+";
}

class OwnerFault : public ::testing::TestWithParam<Case> {};

TEST_P(OwnerFault, EndsInTheSameBytesOrInOneClearError) {
  const SolidPictures pictures(count, {});
  const Outcome outcome = run(pictures, rule_of(GetParam()));
  if (survives(GetParam())) return expect_rows(outcome, count, {});
  EXPECT_NE(outcome.error.find("injected by FOREBAY_FAULT: "), std::string::npos) << outcome.error;
  EXPECT_NE(outcome.error.find(';'), std::string::npos) << "and a remedy: " << outcome.error;
  EXPECT_EQ(outcome.error.find('\n'), std::string::npos) << outcome.error;
  const bool memory = std::string(GetParam().kind) == "oom";
  EXPECT_EQ(outcome.code, memory ? ErrorCode::no_memory : ErrorCode::device) << outcome.error;
  EXPECT_EQ(outcome.items.size(), 0U) << "nobody is condemned by a device that never worked";
  EXPECT_LT(outcome.stats.owner.restarts, 40U);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* operation : {"pin", "load_stage", "begin_batch", "add_chunk", "end_batch", "wait"}) {
    for (const char* kind : {"recoverable", "sticky", "oom"}) {
      for (const char* when : {"1", "3", "1+", "3+"}) cases.push_back({operation, kind, when});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, OwnerFault, ::testing::ValuesIn(all_cases()), [](const auto& parameter) {
  std::string name = rule_of(parameter.param);
  for (char& c : name) c = c == ':' ? '_' : c == '+' ? 'x' : c;
  return name;
});

TEST(OwnerFaultLimits, MemoryForThreeRowsIsEnough) {
  const SolidPictures pictures(count, {});
  const Outcome outcome = run(pictures, "begin_batch:rows>3:oom");
  expect_rows(outcome, count, {});
  EXPECT_NE(
      outcome.notices().find("device out of memory with 8 rows at a time: going on with 4; lower --batch"),
      std::string::npos)
      << outcome.notices();
  EXPECT_NE(outcome.notices().find("with 4 rows at a time: going on with 2"), std::string::npos);
  EXPECT_EQ(outcome.stats.owner.restarts, 0U);
}

TEST(OwnerFaultLimits, PartsLargerThanAllSlotsEnd) {
  // A part that keeps its slots, of more items than there are slots for.
  const SolidPictures pictures(60, {});
  ::setenv("FOREBAY_FAULT", "begin_batch:rows>30:oom", 1);
  PipelineOptions options = small_options(60);
  options.workers = 1;
  options.slots = 2;
  options.slot_bytes = 8192;  // four pictures
  const Outcome outcome = take_all(PipelineBuilder::pictures({pictures.folder()}).options(options));
  ::unsetenv("FOREBAY_FAULT");
  expect_rows(outcome, 60, {});
}

TEST(OwnerFaultLimits, NoMemoryForOneRowIsATypedErrorWithARemedy) {
  const SolidPictures pictures(count, {});
  const Outcome outcome = run(pictures, "begin_batch:rows>0:oom");
  EXPECT_EQ(outcome.code, ErrorCode::no_memory);
  EXPECT_NE(outcome.error.find("lower --crop"), std::string::npos) << outcome.error;
  EXPECT_EQ(outcome.stats.owner.restarts, 1U) << "a new process had its try";
}

TEST(OwnerFaultLimits, AStageThatIsNotThereEndsTheRunAtTheFirstTry) {
  const SolidPictures pictures(count, {});
  for (const auto& [name, module, word] : {std::array{"Poison", "/nonexistent/module", "/nonexistent/module"},
                                           std::array{"Remedy", FOREBAY_POISON_MODULE, "it has: Poison"}}) {
    const Outcome outcome = take_all(
        PipelineBuilder::pictures({pictures.folder()}).options(small_options(8)).device_stage(name, module));
    EXPECT_EQ(outcome.code, ErrorCode::usage);
    EXPECT_NE(outcome.error.find(word), std::string::npos) << outcome.error;
    EXPECT_EQ(outcome.stats.owner.restarts, 0U);
  }
}

}  // namespace
}  // namespace forebay
