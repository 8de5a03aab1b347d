#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "host/error.h"
#include "pipeline/sink/run_output.h"
#include "tests/sink/simulated_run.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::results_by_item;
using test::results_of;
using test::SimulatedRun;
using test::TemporaryFolder;
namespace fs = std::filesystem;

std::string error_of(const std::string& folder, const OutputPlan& plan = SimulatedRun::plan()) {
  try {
    RunOutput output(folder, OutputStart::resume);
    output.begin(plan);
    return "none";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    return error.what();
  }
}

/// Folder `calm` has an undisturbed run of 100 items.
class Resume : public ::testing::Test {
 protected:
  Resume() {
    SimulatedRun run(100);
    RunOutput output(folder_ / "calm", OutputStart::fresh);
    run.finish(output, 8);
  }

  /// A session that begins or goes on, commits `count` batches of `size` items, and is gone.
  void session(std::size_t count, std::size_t size, OutputPlan plan = SimulatedRun::plan()) {
    RunOutput output(out_, OutputStart::resume);
    SimulatedRun run(100);
    const DoneItems done = output.resume_point() ? output.resume_point()->done() : DoneItems{};
    output.begin(std::move(plan));
    std::uint64_t rows = done.rows;
    std::uint64_t sequence = 0;
    for (const auto& positions : run.batches(done, size)) {
      if (sequence == count) break;
      output.append(run.make(sequence++, positions, rows));
    }
  }
  void finish(std::size_t size = 8) {
    RunOutput output(out_, OutputStart::resume);
    SimulatedRun(100).finish(output, size);
  }
  void append_to(const char* name, const std::string& text) const {
    std::ofstream(out_ + "/" + name, std::ios::binary | std::ios::app) << text;
  }
  void cut(const char* name, std::uint64_t bytes) const {
    fs::resize_file(out_ + "/" + name, fs::file_size(out_ + "/" + name) - bytes);
  }

  const TemporaryFolder folder_;
  const std::string out_ = folder_ / "out";
};

TEST_F(Resume, FilesAreThoseOfAnUndisturbedRun) {
  session(3, 8);
  session(0, 8);
  session(1, 5);
  session(2, 30);
  {
    const RunOutput output(out_, OutputStart::resume);
    EXPECT_EQ(output.committed().items, 3 * 8 + 5 + 60U);
    EXPECT_EQ(output.committed().session, 4U);
    EXPECT_EQ(output.committed().errors.at("corrupt"), 12U) << "of all sessions";
  }
  finish();
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
  const RunOutput output(out_, OutputStart::resume);
  EXPECT_EQ(output.committed().items, 100U);
  EXPECT_EQ(output.committed().session, 5U);
  EXPECT_TRUE(output.resume_point()->complete);
}

TEST_F(Resume, WhatWasBeingWrittenIsCutOff) {
  session(3, 8);
  append_to("tensors.npy", std::string(1000, 'r'));
  append_to("items.jsonl", "{\"index\": 24, \"pa");
  append_to("quarantine.jsonl", "{\"inde");
  append_to("commit.log",
            "\xFE"
            "FB1 and so on");
  finish();
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
}

TEST_F(Resume, WithoutABatchItBeginsAfresh) {
  session(0, 8);
  fs::remove(out_ + "/tensors.npy");
  append_to("items.jsonl", "of another time");
  finish();
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
}

TEST_F(Resume, PowerThatFailsTakesTheRunBackToWhatIsThere) {
  for (const char* name : {"tensors.npy", "items.jsonl", "commit.log"}) {
    fs::remove_all(out_);
    session(5, 8);
    cut(name, 200);
    const RunOutput output(out_, OutputStart::resume);
    EXPECT_LT(output.committed().items, 40U) << name;
    EXPECT_GT(output.committed().items, 8U) << name;
  }
  finish();
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
}

TEST_F(Resume, FilesThatAreNotTheRunsAreRefused) {
  session(5, 8);
  const std::string tensors = out_ + "/tensors.npy";
  const auto bytes = fs::file_size(tensors);
  OutputPlan plan = SimulatedRun::plan();
  plan.finish.dtype = DType::f16;
  EXPECT_NE(error_of(out_, plan).find("has other rows than those of the run"), std::string::npos);
  EXPECT_EQ(fs::file_size(tensors), bytes) << "refused before anything is cut";
  std::fstream(out_ + "/items.jsonl", std::ios::in | std::ios::out) << "x";
  {
    const RunOutput output(out_, OutputStart::resume);
    std::fstream items(out_ + "/items.jsonl", std::ios::in | std::ios::out);
    items.seekp(static_cast<std::streamoff>(output.resume_point()->state->items_bytes) - 1);
    items << 'x';
  }
  EXPECT_NE(error_of(out_).find("items.jsonl was changed after the run"), std::string::npos);
  fs::remove(tensors);
  EXPECT_NE(error_of(out_).find("tensors.npy is missing, though commit.log counts"), std::string::npos);
  fs::remove(out_ + "/commit.log");
  EXPECT_NE(error_of(out_).find("but no commit.log"), std::string::npos);
}

TEST_F(Resume, ARunThatEndsAtABadItemTriesItAgain) {
  OutputPlan plan = SimulatedRun::plan();
  plan.retry_failed = true;
  {
    RunOutput output(out_, OutputStart::fresh);
    SimulatedRun run(100);
    output.begin(plan);
    std::uint64_t rows = 0;
    output.append(run.make(0, {0, 1, 2, 3, 4, 5}, rows));  // 3 is bad, 5 quarantined
    output.finish();
    output.complete();
    EXPECT_EQ(output.committed().items, 6U) << "it has its line";
  }
  RunOutput output(out_, OutputStart::resume);
  EXPECT_EQ(output.committed().items, 3U) << "but is not done";
  EXPECT_FALSE(output.resume_point()->complete);
  EXPECT_EQ(output.resume_point()->done().rows, 3U);
  SimulatedRun(100).finish(output, 8);
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
}

TEST_F(Resume, ASheetIsMadeOfTheFirstRows) {
  session(12, 8);  // more than 64 rows, so the sheet is on its way
  for (const bool there : {false, true}) {
    if (there) {
      std::ofstream(out_ + "/contact_sheet.png") << "of this run, since it has 64 tiles";
    } else {
      fs::remove(out_ + "/contact_sheet.png");
    }
    session(0, 8);
  }
  finish();
  EXPECT_EQ(results_of(out_)[3], "of this run, since it has 64 tiles");
  fs::remove(out_ + "/contact_sheet.png");
  finish();
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
}

TEST_F(Resume, TheSourceGoesOnWhereItWas) {
  const auto place = [this] {
    const RunOutput output(out_, OutputStart::resume);
    const DoneItems done = output.resume_point()->done();
    return std::tuple(done.mark, done.entries, done.source_identity);
  };
  const auto commit = [this](std::vector<std::uint64_t> positions) {
    RunOutput output(out_, OutputStart::resume);
    output.begin(SimulatedRun::plan());
    SimulatedRun run(100);
    std::uint64_t rows = output.committed().rows;
    output.append(run.make(0, positions, rows));
  };
  session(3, 8);
  EXPECT_EQ(place(), std::tuple(SourceMark{1023, 24}, 24U, "a list"));
  OutputPlan plan = SimulatedRun::plan();
  plan.source_identity = "a list that was written again";
  session(0, 8, plan);
  EXPECT_EQ(place(), std::tuple(SourceMark{1023, 24}, 24U, "a list")) << "the mark is not the new one's";
  session(1, 8, plan);
  EXPECT_EQ(place(), std::tuple(SourceMark{1031, 32}, 32U, plan.source_identity));
  commit({40, 41});
  EXPECT_EQ(place(), std::tuple(SourceMark{1031, 32}, 32U, plan.source_identity)) << "these wait";
  commit({32, 33, 34, 35, 36, 37, 38, 39});
  EXPECT_FALSE(std::get<0>(place()).valid()) << "the last entry was another session's";
  finish();
  EXPECT_EQ(results_by_item(out_), results_by_item(folder_ / "calm"));
}

TEST_F(Resume, DurableWritesTheSame) {
  OutputPlan plan = SimulatedRun::plan();
  plan.durable = true;
  session(3, 8, plan);
  session(3, 8, plan);
  finish();
  EXPECT_EQ(results_of(out_), results_of(folder_ / "calm"));
}

/// Sessions in completion order: batches in any order, and an end after any of them, in which a part of one
/// more may be written to any of the files.
TEST_F(Resume, SessionsOfAnyKindInAnyOrderDoEveryItemOnce) {
  const std::vector<std::string> expected = results_by_item(folder_ / "calm");
  std::mt19937_64 random(20261127);
  std::size_t held = 0;
  for (int round = 0; round < 60; ++round) {
    fs::remove_all(out_);
    for (int session = 0;; ++session) {
      ASSERT_LT(session, 100) << "round " << round;
      RunOutput output(out_, OutputStart::resume);
      SimulatedRun run(100);
      const DoneItems done = output.resume_point() ? output.resume_point()->done() : DoneItems{};
      held += output.resume_point() ? output.resume_point()->held.size() : 0;
      output.begin(SimulatedRun::plan());
      auto batches = run.batches(done, 1 + random() % 20);
      for (std::size_t i = 0; i + 1 < batches.size(); ++i)  // a few places too early or too late
        std::swap(batches[i], batches[i + random() % std::min<std::size_t>(3, batches.size() - i)]);
      const std::size_t count = std::min(batches.size(), 1 + random() % 4);
      std::uint64_t rows = done.rows;
      for (std::size_t i = 0; i < count; ++i) output.append(run.make(i, batches[i], rows));
      if (random() % 3 == 0) output.finish();  // it was asked to stop
      if (count == batches.size()) {
        output.finish();
        output.complete();
        break;
      }
      if (random() % 2 == 0) append_to("tensors.npy", std::string(random() % 100, 't'));
      if (random() % 2 == 0) append_to("items.jsonl", std::string(random() % 100, 'i'));
      if (random() % 2 == 0) append_to("commit.log", std::string(random() % 100, 'c'));
      if (random() % 2 == 0) cut("commit.log", random() % 100);
    }
    ASSERT_EQ(results_by_item(out_), expected) << "round " << round;
  }
  EXPECT_GT(held, 100U) << "lines that waited across sessions";
}

}  // namespace
}  // namespace forebay
