#include "pipeline/cli/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/cli/doctor_command.h"

namespace forebay::cli {
namespace {

TEST(BytesText, UsesTheUnitThatFits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1500), "1.5 kB");
  EXPECT_EQ(bytes_text(38'535'168), "39 MB");
  EXPECT_EQ(bytes_text(999'999), "1.0 MB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "18446744 TB");
}

TEST(FailureText, NamesItemPathCodeAndMessage) {
  ItemRecord item;
  item.index = 17;
  item.path = "a.jpg";
  item.error = ItemErrorCode::truncated;
  item.message = "no end marker";
  EXPECT_EQ(failure_text(item), "item 17 (a.jpg) failed: truncated: no end marker");
}

TEST(KeptText, SaysWhyAndWhat) {
  RunSummary summary;
  summary.stats.rows = 128;
  summary.stats.items_done = 130;
  EXPECT_EQ(kept_text(summary, nullptr), "ended early after 130 items");
  summary.interrupted = true;
  EXPECT_EQ(kept_text(summary, nullptr), "interrupted after 130 items");
}

TEST(DoctorPage, MarksEveryLine) {
  const Findings findings{{"machine", "cores", Finding::State::ok, "2"},
                          {"machine", "memory", Finding::State::lacks, "too\nlittle"},
                          {"cuda", "driver", Finding::State::note, "\xFF"}};
  const std::string page = doctor_page(findings);
  EXPECT_NE(page.find("\nmachine\n  ok     cores        2\n  lacks  memory       too; little\n\ncuda\n"),
            std::string::npos)
      << page;
  const auto json = nlohmann::json::parse(doctor_json(findings));
  EXPECT_EQ(json["findings"].size(), 3U);
  EXPECT_EQ(json["findings"][1]["state"], "lacks");
}

TEST(Doctor, ExaminesEveryPart) {
  for (const auto& [examine, least] : std::vector<std::pair<Findings (*)(), std::size_t>>{
           {examine_machine, 7}, {examine_kernel, 4}, {examine_cuda, 4}, {examine_configuration, 2}}) {
    const Findings findings = examine();
    EXPECT_GE(findings.size(), least);
    for (const Finding& finding : findings) {
      EXPECT_FALSE(finding.text.empty()) << finding.name;
      EXPECT_LE(finding.name.size(), 12U) << finding.name;
    }
  }
}

}  // namespace
}  // namespace forebay::cli
