#include "pipeline/flow/batch_lane.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay {
namespace {

constexpr std::uint32_t chunk_items = 4;

/// A lane, chunks of four items each for it, and their slots.
class Lane {
 public:
  explicit Lane(std::uint32_t rows = 16, bool streams = true) {
    lane_.set_number(0);
    lane_.take(0, 0, 1);
    static_cast<void>(lane_.begin(rows, streams));
  }
  BatchLane* operator->() noexcept { return &lane_; }

  /// The next chunk; items of these positions have no row.
  Lease add(std::initializer_list<std::uint32_t> failed = {}, bool stop_at_failure = false) {
    Chunk chunk;
    chunk.first_item = next_;
    chunk.lease = slots_.lease(0);
    for (std::uint32_t i = 0; i < chunk_items; ++i) {
      PlannedItem item;
      item.index = item.item = next_++;
      item.path = std::to_string(item.index);
      chunk.items.push_back(item);
      ItemDescriptor descriptor;
      descriptor.shape = {2, 2, 3};
      chunk.finished.push_back(descriptor);
    }
    for (const std::uint32_t position : failed) chunk.finished[position].error = ItemErrorCode::truncated;
    const Lease lease = *chunk.lease;
    slots_.move(SlotMove::finish, lease);
    sent_ = lane_.add(std::move(chunk), stop_at_failure, slots_);
    return lease;
  }
  /// One that is READY already.
  bool add(Chunk chunk) {
    sent_ = lane_.add(std::move(chunk), false, slots_);
    return sent_.has_value();
  }
  void complete() { static_cast<void>(lane_.complete(slots_)); }
  [[nodiscard]] const std::optional<AddChunk>& sent() const noexcept { return sent_; }
  void read(const Lease& lease, bool finished = true) { lane_.mark_read(lease, finished); }
  std::uint32_t keep() { return lane_.keep_finished(slots_, ready_); }
  BatchLane::Chunks lose() { return lane_.lose(slots_, std::nullopt); }
  void give_back() { lane_.give_back(0, slots_); }

  [[nodiscard]] std::uint32_t free_slots() const { return slots_.free_slots(0); }
  [[nodiscard]] const std::vector<Chunk>& ready() const { return ready_; }

 private:
  SlotTable slots_{1, 8};
  BatchLane lane_;
  std::vector<Chunk> ready_;
  std::optional<AddChunk> sent_;
  std::uint64_t next_ = 0;
};

std::vector<std::string> paths_of(const BatchResult& result) {
  std::vector<std::string> paths;
  for (const ItemRecord& item : result.items) paths.push_back(item.path);
  return paths;
}

TEST(BatchLane, KeepsWhatADeadOwnerHadFinished) {
  Lane lane;
  lane.read(lane.add());
  lane.read(lane.add({1, 2}));
  lane.add();
  EXPECT_EQ(lane.keep(), 6U);
  EXPECT_TRUE(lane->open()) << "the third chunk is to be blamed, and lost";
  EXPECT_EQ(lane->part().first_item, 8U);
  EXPECT_EQ(lane->part().rows, 4U);
  EXPECT_EQ(lane->part().planned, 10U);
  EXPECT_EQ(lane.free_slots(), 7U);

  const BatchLane::Chunks left = lane.lose();
  ASSERT_EQ(left.ready.size(), 1U);
  EXPECT_EQ(left.ready[0].first_item, 8U);
  EXPECT_EQ(lane->cursor(), 8U);
  EXPECT_EQ(lane->begin(10, true).first_row, 6U) << "the rest follows behind the rows that are there";
}

TEST(BatchLane, GoesOnBehindWhatItKept) {
  Lane lane;
  lane.read(lane.add({1}));
  lane.read(lane.add());
  lane.add();
  EXPECT_EQ(lane.keep(), 7U);
  BatchLane::Chunks left = lane.lose();
  ASSERT_EQ(left.ready.size(), 1U);
  EXPECT_EQ(lane->begin(8, true).first_row, 7U);
  ASSERT_TRUE(lane.add(std::move(left.ready[0])));
  EXPECT_EQ(lane.sent()->ops[0].row, 0U) << "rows are those of the part";
  lane.add({3});
  EXPECT_EQ(lane->end().rows, 7U);
  lane.complete();
  const BatchResult result = lane->finish();
  std::vector<std::string> all;
  for (unsigned i = 0; i < 16; ++i) all.push_back(std::to_string(i));
  EXPECT_EQ(paths_of(result), all);
  EXPECT_EQ(lane.free_slots(), 8U);
}

TEST(BatchLane, KeepsAllOfAPartThatOnlyWaitedForItsEnd) {
  Lane lane;
  lane.read(lane.add());
  lane.add({0, 1, 2, 3});  // has no row, so nobody reads it
  EXPECT_EQ(lane.keep(), 4U);
  EXPECT_FALSE(lane->open()) << "nobody is to be blamed";
  EXPECT_EQ(lane->cursor(), 8U);
  EXPECT_EQ(paths_of(lane->finish()), (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7"}));
  EXPECT_EQ(lane.free_slots(), 8U);
}

TEST(BatchLane, KeepsNothingThatWasMerelyRead) {
  Lane lane;
  lane.read(lane.add(), false);
  lane.read(lane.add());  // behind what is lost
  EXPECT_EQ(lane.keep(), 0U);
  EXPECT_TRUE(lane->open());
  EXPECT_EQ(lane.lose().ready.size(), 2U);
  EXPECT_EQ(lane->cursor(), 0U);
}

TEST(BatchLane, KeepsWhatIsFinishedAlsoWithoutItsSlot) {
  Lane lane;
  lane.read(lane.add());
  lane.give_back();
  lane.add();
  EXPECT_EQ(lane.keep(), 4U);
  const BatchLane::Chunks left = lane.lose();
  EXPECT_TRUE(left.again.empty()) << "nothing has to be decoded again";
  EXPECT_EQ(left.ready.size(), 1U);
}

TEST(BatchLane, LosesTheItemThatEndsTheBatch) {
  Lane lane;
  lane.read(lane.add());
  lane.read(lane.add({2}, true));
  ASSERT_EQ(lane->failed_item(), 6U);
  EXPECT_EQ(lane.keep(), 4U);
  EXPECT_TRUE(lane->open());
  EXPECT_EQ(lane.lose().ready.size(), 1U);
  EXPECT_EQ(lane->cursor(), 4U) << "it is found again";
}

TEST(BatchLane, GoesOnBehindAPartThatIsFull) {
  Lane lane(6, false);  // the device has memory for six rows
  lane.read(lane.add());
  lane.read(lane.add());
  EXPECT_EQ(lane.keep(), 6U);
  EXPECT_FALSE(lane->open());
  ASSERT_EQ(lane.ready().size(), 1U);
  EXPECT_EQ(lane.ready()[0].first_item, 6U);
  EXPECT_EQ(lane.ready()[0].count(), 2U);
  EXPECT_EQ(lane->cursor(), 6U);
}

}  // namespace
}  // namespace forebay
