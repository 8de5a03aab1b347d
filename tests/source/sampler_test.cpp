#include "pipeline/source/sampler.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "host/error.h"

namespace forebay {
namespace {

/// "0", "1", … with the parity as label.
class NumberSource final : public Source {
 public:
  explicit NumberSource(std::uint64_t count) : count_(count) {}
  std::optional<SourceEntry> next() override {
    if (given_ == count_) return std::nullopt;
    path_ = std::to_string(given_);
    label_ = given_++ % 2 == 0 ? "even" : "odd";
    return SourceEntry{path_, label_};
  }

 private:
  std::uint64_t count_;
  std::uint64_t given_ = 0;
  std::string path_;
  std::string label_;
};

struct Given {
  std::uint64_t index;
  std::uint64_t item;
  std::uint64_t epoch;
  std::string path;
  std::string label;
  friend bool operator==(const Given&, const Given&) = default;
};

std::vector<Given> all(const Sampling& sampling, std::uint64_t entries, const DoneItems& done = {}) {
  const auto sampler = make_sampler(std::make_unique<NumberSource>(entries), sampling, done);
  const auto expected = sampler->size_hint();
  std::vector<Given> given;
  while (const auto sample = sampler->next()) {
    given.push_back({sample->index, sample->item, sample->epoch, std::string(sample->entry.path),
                     std::string(sample->entry.label)});
  }
  EXPECT_EQ(expected.value_or(given.size()), given.size());
  for (const Given& one : given) {
    EXPECT_EQ(one.path, std::to_string(one.item));
    EXPECT_EQ(one.label, one.item % 2 == 0 ? "even" : "odd");
  }
  return given;
}

std::vector<std::uint64_t> items(const std::vector<Given>& given) {
  std::vector<std::uint64_t> items;
  for (const Given& one : given) items.push_back(one.item);
  return items;
}

using Numbers = std::vector<std::uint64_t>;

TEST(Sampler, APlainPlanIsTheSource) {
  const auto given = all({}, 5);
  EXPECT_EQ(items(given), (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(given[4].index, 4U);
  EXPECT_TRUE(all({}, 0).empty());
}

TEST(Sampler, EpochsGoThroughTheSourceAgain) {
  Sampling sampling;
  sampling.epochs = 3;
  sampling.first_epoch = 10;
  const auto given = all(sampling, 2);
  EXPECT_EQ(items(given), (Numbers{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(given[5], (Given{5, 1, 12, "1", "odd"}));
  EXPECT_TRUE(all(sampling, 0).empty());
}

TEST(Sampler, AShuffledEpochHoldsEveryItemOnceInItsOwnOrder) {
  Sampling sampling;
  sampling.epochs = 2;
  sampling.shuffle = true;
  sampling.seed = 5;
  const Numbers given = items(all(sampling, 100));
  const Numbers first(given.begin(), given.begin() + 100);
  const Numbers second(given.begin() + 100, given.end());
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 100U);
  EXPECT_EQ(std::set(second.begin(), second.end()).size(), 100U);
  EXPECT_NE(first, second);
  sampling.epochs = 1;
  sampling.first_epoch = 1;
  EXPECT_EQ(items(all(sampling, 100)), second) << "an epoch is the same, run alone";
}

TEST(Sampler, ShardsAreTheSourceTogether) {
  for (const bool shuffle : {false, true}) {
    for (const std::uint64_t entries : {0U, 1U, 2U, 3U, 10U, 12U}) {
      std::multiset<std::uint64_t> seen;
      for (std::uint32_t shard = 0; shard < 3; ++shard) {
        Sampling sampling;
        sampling.shuffle = shuffle;
        sampling.shard = shard;
        sampling.shards = 3;
        for (const std::uint64_t item : items(all(sampling, entries))) seen.insert(item);
      }
      EXPECT_EQ(seen.size(), entries);
      EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), entries);
    }
  }
}

TEST(Sampler, AShardOfAStreamIsTheShardOfTheList) {
  Sampling sampling;
  sampling.shard = 1;
  sampling.shards = 4;
  const auto stream = all(sampling, 11);
  EXPECT_EQ(items(stream), (Numbers{1, 5, 9}));
  sampling.epochs = 2;
  const auto table = all(sampling, 11);
  EXPECT_EQ(std::vector(table.begin(), table.begin() + 3), stream);
}

TEST(Sampler, DropLeavesOutTheShortBatch) {
  Sampling sampling;
  sampling.batch = 4;
  sampling.last_batch = LastBatch::drop;
  EXPECT_EQ(items(all(sampling, 11)), (Numbers{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_TRUE(all(sampling, 3).empty());
  EXPECT_EQ(all(sampling, 4).size(), 4U);
}

TEST(Sampler, PadRepeatsTheLastItem) {
  Sampling sampling;
  sampling.batch = 4;
  sampling.last_batch = LastBatch::pad;
  EXPECT_EQ(items(all(sampling, 6)), (Numbers{0, 1, 2, 3, 4, 5, 5, 5}));
  EXPECT_EQ(items(all(sampling, 4)), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(items(all(sampling, 1)), (Numbers{0, 0, 0, 0}));
  EXPECT_TRUE(all(sampling, 0).empty());
  sampling.shuffle = true;
  const Numbers given = items(all(sampling, 6));
  EXPECT_EQ(given[7], given[5]);
}

TEST(Sampler, UnderDropAndPadAllShardsAreEqual) {
  for (const LastBatch last : {LastBatch::drop, LastBatch::pad}) {
    for (const std::uint64_t entries : {1U, 2U, 5U, 9U, 16U, 17U, 25U}) {
      std::set<std::size_t> sizes;
      std::set<std::uint64_t> seen;
      for (std::uint32_t shard = 0; shard < 3; ++shard) {
        Sampling sampling;
        sampling.batch = 4;
        sampling.last_batch = last;
        sampling.shard = shard;
        sampling.shards = 3;
        const Numbers given = items(all(sampling, entries));
        sizes.insert(given.size());
        seen.insert(given.begin(), given.end());
      }
      EXPECT_EQ(sizes.size(), 1U) << entries;
      EXPECT_EQ(*sizes.begin() % 4, 0U);
      if (last == LastBatch::pad) {
        EXPECT_EQ(seen.size(), entries) << "nothing is left out";
      }
    }
  }
}

TEST(Sampler, TheLimitIsOverAllEpochs) {
  Sampling sampling;
  sampling.epochs = 3;
  sampling.limit = 7;
  EXPECT_EQ(items(all(sampling, 3)), (Numbers{0, 1, 2, 0, 1, 2, 0}));
  sampling.epochs = UINT32_MAX;
  EXPECT_EQ(all(sampling, 3).size(), 7U);
  sampling.limit = 0;
  EXPECT_TRUE(all(sampling, 3).empty());
}

/// What a plan gives from any position on is what it gives undisturbed.
TEST(Sampler, GoesOnWhereverAnEarlierRunEnded) {
  for (int variant = 0; variant < 6; ++variant) {
    Sampling sampling;
    sampling.batch = 3;
    sampling.epochs = variant == 0 ? 1 : 3;
    sampling.shuffle = variant >= 2;
    sampling.last_batch = variant == 3 ? LastBatch::drop : variant == 4 ? LastBatch::pad : LastBatch::partial;
    if (variant == 5) {
      sampling.shard = 1;
      sampling.shards = 2;
      sampling.limit = 9;
    }
    const auto whole = all(sampling, 10);
    for (std::size_t done = 0; done <= whole.size(); ++done) {
      DoneItems earlier;
      if (done > 0) earlier.ranges = {{0, done}};
      for (std::size_t i = 0; i < done; ++i) earlier.prefix.add(whole[i].path, whole[i].label);
      EXPECT_EQ(all(sampling, 10, earlier),
                std::vector(whole.begin() + static_cast<std::ptrdiff_t>(done), whole.end()))
          << "variant " << variant << ", done " << done;
    }
  }
}

TEST(Sampler, LeavesOutWhatWasDoneOutOfOrder) {
  DoneItems done;
  done.ranges = {{1, 3}, {5, 6}, {9, 20}};
  EXPECT_EQ(items(all({}, 20, done)), (Numbers{0, 3, 4, 6, 7, 8}));
  Sampling twice;
  twice.epochs = 2;
  EXPECT_EQ(items(all(twice, 10, done)), (Numbers{0, 3, 4, 6, 7, 8}));
}

/// With marks: the number of entries given. Counts how many are read.
class MarkedSource final : public Source {
 public:
  explicit MarkedSource(std::uint64_t& read) : read_(read) {}
  std::optional<SourceEntry> next() override {
    if (given_ == 100) return std::nullopt;
    ++read_;
    path_ = std::to_string(given_++);
    return SourceEntry{path_, {}};
  }
  SourceMark mark() const override { return {0, given_}; }
  std::string identity() const override { return "the list"; }
  bool seek(const SourceMark& mark) override {
    given_ = mark.line;
    return true;
  }

 private:
  std::uint64_t& read_;
  std::uint64_t given_ = 0;
  std::string path_;
};

TEST(Sampler, ReadsNothingThatIsDoneWhereTheSourceIsTheSame) {
  Sampling sampling;
  sampling.shard = 1;
  sampling.shards = 3;
  std::uint64_t read = 0;
  const auto whole = make_sampler(std::make_unique<MarkedSource>(read), sampling, {});
  DoneItems done;
  done.ranges = {{0, 20}};
  done.source_identity = "the list";
  for (int i = 0; i < 20; ++i) {
    const auto sample = whole->next();
    ASSERT_TRUE(sample);
    done.prefix.add(sample->entry.path, sample->entry.label);
    done.mark = sample->mark;
    done.entries = sample->item + 1;
  }
  for (const bool same : {true, false}) {
    if (!same) done.source_identity = "another";
    read = 0;
    const auto rest = make_sampler(std::make_unique<MarkedSource>(read), sampling, done);
    EXPECT_EQ(read, same ? 0U : 59U);
    const auto next = rest->next();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->index, 20U);
    EXPECT_EQ(next->item, 61U);
    EXPECT_EQ(next->entry.path, "61");
  }
}

TEST(Sampler, AShuffledPlanOfTheSameListIsNotComparedAgain) {
  Sampling sampling;
  sampling.shuffle = true;
  DoneItems done;
  done.ranges = {{0, 20}};
  done.source_identity = "the list";
  std::uint64_t read = 0;
  EXPECT_EQ(make_sampler(std::make_unique<MarkedSource>(read), sampling, done)->next()->index, 20U);
  done.source_identity = "another";
  EXPECT_THROW(make_sampler(std::make_unique<MarkedSource>(read), sampling, done), Error);
}

std::string refusal(const Sampling& sampling, std::uint64_t entries, const DoneItems& done) {
  try {
    static_cast<void>(make_sampler(std::make_unique<NumberSource>(entries), sampling, done));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    return error.what();
  }
  return "none";
}

TEST(Sampler, OtherSourcesThanBeforeAreRefused) {
  DoneItems done;
  done.ranges = {{0, 3}};
  for (const char* path : {"0", "1", "2"}) done.prefix.add(path, *path == '1' ? "odd" : "even");
  for (const std::uint32_t epochs : {1U, 2U}) {
    Sampling sampling;
    sampling.epochs = epochs;
    EXPECT_EQ(refusal(sampling, 3, done), "none");
    EXPECT_EQ(refusal(sampling, 30, done), "none") << "what follows may have changed";
    DoneItems other = done;
    other.prefix.add("x", "");
    EXPECT_NE(refusal(sampling, 3, other).find("the sources have changed"), std::string::npos);
    other = done;
    other.ranges = {{0, 8}};
    EXPECT_NE(refusal(sampling, 3, other).find("hold"), std::string::npos);
    sampling.limit = 2;
    EXPECT_NE(refusal(sampling, 3, done).find("limit of 2 items"), std::string::npos);
  }
}

TEST(EntryHash, TellsPathsAndLabelsApart) {
  const auto digest = [](std::initializer_list<std::pair<const char*, const char*>> entries) {
    EntryHash hash;
    for (const auto& [path, label] : entries) hash.add(path, label);
    return hash.value();
  };
  const std::set<std::uint64_t> different{digest({}),
                                          digest({{"ab", "c"}}),
                                          digest({{"a", "bc"}}),
                                          digest({{"abc", ""}}),
                                          digest({{"ab", ""}, {"c", ""}}),
                                          digest({{"c", ""}, {"ab", ""}}),
                                          digest({{"", ""}})};
  EXPECT_EQ(different.size(), 7U);
  EntryHash first;
  first.add("a", "x");
  EntryHash rest(first.value());
  rest.add("b", "");
  EXPECT_EQ(rest.value(), digest({{"a", "x"}, {"b", ""}})) << "goes on from its value";
}

}  // namespace
}  // namespace forebay
