// Death at every step of a slot's life, in each way, with and without an owner, in both orders: the files are
// those of an undisturbed run, and nothing is left behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <ostream>

#include "pipeline/flow/slot_life.h"
#include "tests/crash/pictures.h"
#include "tests/crash/run_files.h"
#include "tests/crash/step_run.h"
#include "tests/crash/step_table.h"
#include "tests/crash_host/family.h"
#include "tests/source/temporary_folder.h"

namespace forebay::crash {
namespace {

using test::TemporaryFolder;

constexpr std::chrono::seconds run_patience{60};
constexpr std::chrono::milliseconds gone_by{2000};
constexpr std::size_t row_bytes = std::size_t{32} * 32 * 3;

struct Way {
  const char* how;
  bool owner;
  unsigned at_a_time;  ///< a run at which somebody is stopped waits most of its time
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.how << (way.owner ? ", an owner" : ""); }

/// Why nobody comes to the step for the n-th time; nothing where somebody must.
std::string unreachable(const StepCase& what) {
  if (!what.owner && what.step.starts_with("pipeline.owner.")) return "there is no owner";
  constexpr std::array once{"pipeline.worker.entered", "pipeline.worker.opened", "pipeline.worker.hello",
                            "pipeline.owner.entered",  "pipeline.owner.opened",  "pipeline.owner.ready"};
  const bool is_once = std::find(once.begin(), once.end(), what.step) != once.end();
  return is_once && what.visit > 1 ? "a process comes there once" : "";
}

class SlotSteps : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    adopt_orphans();
    list_ = make_small_set(folder_.path());
    for (const bool completion : {false, true}) {
      StepRun run({"", "", 1, GetParam().owner, completion}, list_, folder_ / (completion ? "c" : "i"));
      ASSERT_TRUE(run.wait(run_patience, calm_)) << "the undisturbed run hangs";
      ASSERT_TRUE(calm_.finished) << calm_.error.data();
      const RunFiles files = RunFiles::read(run.folder() + "/out");
      if (!completion) expected_ = files;
      ASSERT_EQ(difference_but_for_rows(expected_, files, row_bytes), "");
    }
    ASSERT_EQ(expected_.lines.size(), 64U);
    ASSERT_EQ(expected_.tensors.size(), 128U + 60 * row_bytes) << "four of the 64 are bad";
  }

  void start(const StepCase& what) {
    if (under_way_.size() >= GetParam().at_a_time) settle();
    under_way_.push_back(
        std::make_unique<StepRun>(what, list_, folder_ / ("run" + std::to_string(started_++))));
  }

  /// Waits for the oldest run and holds it to what an undisturbed one leaves.
  void settle() {
    const std::unique_ptr<StepRun> run = std::move(under_way_.front());
    under_way_.pop_front();
    const StepCase& what = run->what();
    StepOutcome outcome;
    RunFiles files;
    std::string wrong;
    const std::string why_not = unreachable(what);
    if (!run->wait(run_patience, outcome)) {
      wrong = "hangs";
    } else if (!outcome.finished) {
      wrong = outcome.error.data();
    } else {
      files = RunFiles::read(run->folder() + "/out");
      wrong = what_is_wrong(what, outcome, files);
    }
    if (run->died() != why_not.empty())
      wrong += run->died() ? "; somebody came there" : "; nobody came there";
    EXPECT_EQ(wrong, "") << what.text();
    const auto most = std::max_element(files.attempts.begin(), files.attempts.end());
    table_.add({what.step, what.how, what.visit, what.completion ? "completion" : "index",
                !wrong.empty()    ? "BAD: " + wrong
                : why_not.empty() ? "ok"
                                  : "not reached: " + why_not,
                most == files.attempts.end() ? 0 : *most, outcome.worker_restarts + outcome.owner_restarts,
                outcome.recovery_us});
    std::filesystem::remove_all(run->folder());
  }

  [[nodiscard]] std::string what_is_wrong(const StepCase& what, const StepOutcome& outcome,
                                          const RunFiles& files) const {
    const std::string differs =
        what.completion ? difference_but_for_rows(expected_, files, row_bytes) : difference(expected_, files);
    if (!differs.empty()) return differs;
    if (outcome.worker_restarts + outcome.owner_restarts > 1) return "one death, more than one restart";
    if (outcome.files != calm_.files || outcome.children != calm_.children ||
        outcome.threads != calm_.threads || outcome.memory_files != calm_.memory_files) {
      return "leaves more behind than an undisturbed run";
    }
    // One death is one more attempt at one item: at none where it was the owner's or between two items. Where
    // the owner is asked again, so are workers for what it had given back already.
    const auto again = std::count_if(files.attempts.begin(), files.attempts.end(),
                                     [](std::uint64_t attempts) { return attempts > 1; });
    if (!what.owner && again > 1) return "a death was charged to more than one item";
    return "";
  }

  const TemporaryFolder folder_;
  std::string list_;
  RunFiles expected_;
  StepOutcome calm_;
  std::deque<std::unique_ptr<StepRun>> under_way_;
  unsigned started_ = 0;
  StepTable table_{std::string("deaths by ") + GetParam().how + (GetParam().owner ? " with" : " without") +
                   " an owner"};
};

TEST_P(SlotSteps, DeathAtAnyChangesNothing) {
  for (const std::string_view step : slot_step_names) {
    for (const unsigned visit : {1U, 3U}) {
      for (const bool completion : {false, true}) {
        const StepCase what{std::string(step), GetParam().how, visit, GetParam().owner, completion};
        // Where nobody comes there one run shows that.
        if (!unreachable(what).empty() && (completion || (!GetParam().owner && visit > 1))) continue;
        start(what);
      }
    }
  }
  while (!under_way_.empty()) settle();
  table_.print(FOREBAY_REPORTS);
  std::string left;
  static_cast<void>(wait_for_no_children(gone_by, left));
  EXPECT_EQ(left, "") << "left behind";
}

INSTANTIATE_TEST_SUITE_P(By, SlotSteps,
                         ::testing::Values(Way{"kill", false, 2}, Way{"kill", true, 2}, Way{"segv", false, 2},
                                           Way{"segv", true, 2}, Way{"exit", false, 2}, Way{"exit", true, 2},
                                           Way{"stop", false, 16}, Way{"stop", true, 16}),
                         [](const auto& way) {
                           return std::string(way.param.how) + (way.param.owner ? "_owner" : "_no_owner");
                         });

}  // namespace
}  // namespace forebay::crash
