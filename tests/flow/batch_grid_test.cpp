#include "pipeline/flow/batch_grid.h"

#include <gtest/gtest.h>

#include <vector>

namespace forebay {
namespace {

using Places = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Places places(const BatchGrid& grid, std::uint64_t batches) {
  Places all;
  for (std::uint64_t batch = 0; batch < batches; ++batch)
    all.emplace_back(grid.begin(batch), grid.end(batch));
  return all;
}

TEST(BatchGrid, OneEpochOfAnyLength) {
  EXPECT_EQ(places(BatchGrid(4), 3), (Places{{0, 4}, {4, 8}, {8, 12}}));
  EXPECT_EQ(BatchGrid(4).size(1'000'000'000'000), 4U);
}

TEST(BatchGrid, TheLastBatchOfAnEpochIsShort) {
  EXPECT_EQ(places(BatchGrid(4, {6}), 5), (Places{{0, 4}, {4, 6}, {6, 10}, {10, 12}, {12, 16}}));
  EXPECT_EQ(places(BatchGrid(4, {3}), 3), (Places{{0, 3}, {3, 6}, {6, 9}}));
  EXPECT_EQ(places(BatchGrid(4, {8}), 3), (Places{{0, 4}, {4, 8}, {8, 12}}));
}

TEST(BatchGrid, EpochsThatAreDoneInPartComeFirst) {
  EXPECT_EQ(places(BatchGrid(4, {1, 5, 6}), 6),
            (Places{{0, 1}, {1, 5}, {5, 6}, {6, 10}, {10, 12}, {12, 16}}));
  EXPECT_EQ(places(BatchGrid(4, {0, 0, 5}), 3), (Places{{0, 4}, {4, 5}, {5, 9}})) << "some are done whole";
}

TEST(BatchGrid, BatchesWithoutItemsLieAtTheEnd) {
  EXPECT_EQ(places(BatchGrid(4, {0}), 2), (Places{{0, 0}, {0, 0}}));
}

}  // namespace
}  // namespace forebay
