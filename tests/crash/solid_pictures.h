#pragma once

#include <gtest/gtest.h>
#include <spng.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/error.h"
#include "pipeline/pipeline.h"

namespace forebay::testing_pictures {

inline constexpr std::uint32_t edge = 24;
inline constexpr std::uint8_t mark = 251;

/// A folder of small pictures of one colour each, PNG, in the order of their names. The green of those in
/// `marked` is the mark that poison_stage.cu looks for.
class SolidPictures {
 public:
  SolidPictures(std::uint32_t count, const std::set<std::uint64_t>& marked) {
    std::string pattern = ::testing::TempDir() + "forebay-solid-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint8_t green = marked.contains(i) ? mark : 1;
      write(i, {static_cast<std::uint8_t>(i), green, static_cast<std::uint8_t>(255 - i)});
    }
  }
  SolidPictures(const SolidPictures&) = delete;
  SolidPictures& operator=(const SolidPictures&) = delete;
  ~SolidPictures() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  void write(std::uint32_t number, const std::array<std::uint8_t, 3>& colour) const {
    std::vector<std::uint8_t> pixels;
    for (std::uint32_t i = 0; i < edge * edge; ++i) pixels.insert(pixels.end(), colour.begin(), colour.end());
    const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER),
                                                                      &spng_ctx_free);
    spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
    spng_ihdr header{};
    header.width = header.height = edge;
    header.bit_depth = 8;
    header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
    spng_set_ihdr(context.get(), &header);
    ASSERT_EQ(
        spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE),
        0);
    std::size_t bytes = 0;
    int error = 0;
    const std::unique_ptr<void, decltype(&std::free)> png(spng_get_png_buffer(context.get(), &bytes, &error),
                                                          &std::free);
    const std::string digits = std::to_string(number);
    std::ofstream(folder_ + "/" + std::string(4 - digits.size(), '0') + digits + ".png")
        .write(static_cast<const char*>(png.get()), static_cast<std::streamsize>(bytes));
  }
  std::string folder_;
};

/// What became of a run: every row by its item, and the error that ended it.
struct Outcome {
  std::map<std::uint64_t, ItemRecord> items;
  std::map<std::uint64_t, std::vector<std::uint8_t>> rows;
  std::vector<std::uint64_t> order;  ///< of the items
  std::optional<ItemRecord> failure;
  ErrorCode code{};
  std::string error;
  RunStats stats;

  [[nodiscard]] std::string notices() const {
    std::string text;
    for (const Notice& notice : stats.notices) text += notice.text + "\n";
    return text;
  }
};

inline Outcome take_all(PipelineBuilder& builder) {
  Outcome outcome;
  std::unique_ptr<Pipeline> pipeline;
  try {
    pipeline = std::make_unique<Pipeline>(builder.start());
    for (const Batch& batch : *pipeline) {
      const auto* row = static_cast<const std::uint8_t*>(batch.tensor().data);
      for (const ItemRecord& item : batch.items()) {
        EXPECT_TRUE(outcome.items.emplace(item.index, item).second) << "delivered twice: " << item.index;
        outcome.order.push_back(item.index);
        if (!item.ok()) continue;
        outcome.rows[item.index].assign(row, row + edge * edge * 3);
        row += edge * edge * 3;
      }
    }
    outcome.failure = pipeline->failure();
  } catch (const Error& error) {
    outcome.code = error.code();
    outcome.error = error.what();
  }
  if (pipeline) outcome.stats = pipeline->stats();
  return outcome;
}

/// Every picture has its row, of its colour; those in `guilty` have none.
inline void expect_rows(const Outcome& outcome, std::uint32_t count, const std::set<std::uint64_t>& guilty) {
  ASSERT_EQ(outcome.error, "") << outcome.notices();
  ASSERT_EQ(outcome.items.size(), count);
  for (const auto& [index, item] : outcome.items) {
    if (guilty.contains(index)) {
      EXPECT_EQ(item.error, ItemErrorCode::device_failed) << index;
      EXPECT_NE(item.message.find("quarantined: the device failed 3 times"), std::string::npos)
          << item.message;
      ASSERT_TRUE(item.quarantine);
      EXPECT_EQ(item.quarantine->last_step, "device");
      EXPECT_EQ(item.quarantine->attempts, 3U);
      EXPECT_TRUE(item.quarantine->sha256);
      continue;
    }
    ASSERT_TRUE(item.ok()) << index << ": " << item.message << "\n" << outcome.notices();
    const std::vector<std::uint8_t>& row = outcome.rows.at(index);
    for (std::size_t i = 0; i < row.size(); i += 3) {
      ASSERT_EQ(row[i], index);
      ASSERT_EQ(row[i + 2], 255 - index);
    }
  }
}

inline PipelineOptions small_options(std::uint32_t batch, Placement placement = Placement::owner,
                                     Order order = Order::index) {
  PipelineOptions options;
  options.workers = 2;
  options.batch = batch;
  options.device = DeviceChoice::cpu;
  options.placement = placement;
  options.order = order;
  options.prepare.resize = options.prepare.crop = edge;
  options.finish.dtype = DType::u8;
  options.finish.layout = Layout::nhwc;
  return options;
}

}  // namespace forebay::testing_pictures
