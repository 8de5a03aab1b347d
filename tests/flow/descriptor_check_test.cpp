#include "pipeline/flow/descriptor_check.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "device/ops/resample_table.h"

namespace forebay {
namespace {

constexpr DescriptorLimits run_limits{1 << 20, 32};

ItemDescriptor prepared() {
  ItemDescriptor d;
  d.index = 7;
  d.kind = ItemKind::prepared;
  d.rank = 3;
  d.shape = {32, 32, 3};
  d.offset = 128;
  d.bytes = 32 * 32 * 3;
  d.payload_end = 128 + 3072;
  return d;
}

ItemDescriptor region() {
  ItemDescriptor d = prepared();
  d.kind = ItemKind::region;
  d.shape = {50, 60, 3};
  d.bytes = 50 * 60 * 3;
  d.horizontal = 9216;
  d.horizontal_taps = 5;
  d.vertical = 9216 + 32 * 7 * 4;
  d.vertical_taps = 5;
  d.payload_end = d.vertical + 32 * 7 * 4;
  return d;
}

TEST(DescriptorCheck, AcceptsWhatAWorkerWrites) {
  EXPECT_TRUE(descriptor_is_valid(prepared(), run_limits, 7, 128));
  EXPECT_TRUE(descriptor_is_valid(region(), run_limits, 7, 0));
  ItemDescriptor failed;
  failed.index = 7;
  failed.error = ItemErrorCode::corrupt;
  failed.payload_end = 128;
  EXPECT_TRUE(descriptor_is_valid(failed, run_limits, 7, 128));
}

TEST(DescriptorCheck, RefusesEveryFieldThatLies) {
  const auto refused = [](ItemDescriptor d, auto change) {
    change(d);
    return !descriptor_is_valid(d, run_limits, 7, 128);
  };
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.index = 8; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.kind = static_cast<ItemKind>(9); }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.dtype = static_cast<DType>(77); }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.rank = 200; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.offset = 64; })) << "another item's bytes";
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.offset = ~std::uint64_t{0}; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.bytes = 1; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.payload_end = (1 << 20) + 1; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.payload_end = 64; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.shape[0] = -32; }));
  EXPECT_TRUE(refused(prepared(), [](auto& d) {
    d.shape = {16, 64, 3};
  })) << "the right bytes, the wrong shape";
  EXPECT_TRUE(refused(prepared(), [](auto& d) { d.error = ItemErrorCode::corrupt; }));
  EXPECT_TRUE(refused(region(), [](auto& d) { d.horizontal_taps = 0; }));
  EXPECT_TRUE(refused(region(), [](auto& d) { d.vertical_taps = 1U << 30U; }));
  EXPECT_TRUE(refused(region(), [](auto& d) { d.vertical += 1; })) << "misaligned";
  EXPECT_TRUE(refused(region(), [](auto& d) { d.vertical += 400; })) << "past the end";
  ItemDescriptor silent;
  silent.index = 7;
  silent.payload_end = 128;
  EXPECT_FALSE(descriptor_is_valid(silent, run_limits, 7, 128)) << "a failure without an error";
}

/// Whatever the bytes: what is accepted lies within the payload.
TEST(DescriptorCheck, FuzzedDescriptorsNeverReachOutside) {
  std::mt19937_64 random(20261124);
  std::uint32_t accepted = 0;
  for (int round = 0; round < 400'000; ++round) {
    ItemDescriptor d = round % 2 == 0 ? prepared() : region();
    auto* bytes = reinterpret_cast<unsigned char*>(&d);
    const std::size_t changes = random() % 4;
    for (std::size_t i = 0; i < changes; ++i) bytes[random() % 160] = static_cast<unsigned char>(random());
    if (!descriptor_is_valid(d, run_limits, 7, 128)) continue;
    ++accepted;
    if (d.kind == ItemKind::failed) continue;
    ASSERT_LE(d.offset + d.bytes, run_limits.payload_bytes);
    ASSERT_GE(d.offset, 128U);
    if (d.kind != ItemKind::region) continue;
    const std::uint64_t end = d.horizontal + resample_table_words(32, d.horizontal_taps) * 4;
    ASSERT_LE(end, run_limits.payload_bytes);
  }
  EXPECT_GT(accepted, 1000U) << "the fuzzer must reach the accepting paths";
}

}  // namespace
}  // namespace forebay
