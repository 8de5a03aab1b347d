#include "pipeline/flow/slot_life.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace forebay {
namespace {

/// The list as the model includes it.
std::string as_promela() {
  std::string text =
      "/* Made of pipeline/flow/slot_life.h; the test SlotLife holds the two to each other. To make it "
      "anew:\n"
      "   FOREBAY_WRITE_MODEL=1 flow_test --gtest_filter='SlotLife.*' */\n";
  text += "mtype:slot = {";
  for (int state = 0; state <= static_cast<int>(SlotState::retired); ++state)
    text += fmt::format("{} slot_{}", state == 0 ? "" : ",", to_string(static_cast<SlotState>(state)));
  text +=
      " }\n\n/* A move of slot s; one that the life cycle does not allow is an error of the model's. */\n";
  for (const SlotMoveRule& rule : slot_moves) {
    text += fmt::format("inline move_{}(s) {{ assert(slot[s] == slot_{}); slot[s] = slot_{} }}\n", rule.name,
                        to_string(rule.from), to_string(rule.to));
  }
  text += "\n/* Where a process can die. */\nmtype:step = {";
  constexpr std::string_view prefix = "pipeline.";
  for (std::size_t i = 0; i < slot_step_names.size(); ++i) {
    std::string name(slot_step_names[i].substr(prefix.size()));
    name[name.find('.')] = '_';
    text += fmt::format("{}\n  {}", i == 0 ? "" : ",", name);
  }
  return text + "\n}\n";
}

TEST(SlotLife, TheModelHasTheSameList) {
  const std::string path = FOREBAY_MODEL_DIR "/slot_life.pml";
  if (std::getenv("FOREBAY_WRITE_MODEL") != nullptr) std::ofstream(path) << as_promela();
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), as_promela()) << "docs/model/slot_life.pml is another list than slot_life.h";
}

TEST(SlotLife, EveryStateIsReachedAndEveryNameIsOne) {
  std::set<SlotState> reached{SlotState::free};
  std::set<std::string_view> names;
  for (const SlotMoveRule& rule : slot_moves) {
    EXPECT_TRUE(reached.contains(rule.from)) << rule.name << " starts where no earlier move leads";
    reached.insert(rule.to);
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
  }
  EXPECT_EQ(reached.size(), 5U);
  for (const std::string_view name : slot_step_names) EXPECT_TRUE(names.insert(name).second) << name;
}

}  // namespace
}  // namespace forebay
