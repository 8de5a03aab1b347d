#include "device/ops/chunk_functor.h"

#include <gtest/gtest.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/tbb/execution_policy.h>

#include "tests/contract/random_chunk.h"

namespace forebay {
namespace {

/// The functors that CUDA runs, here through Thrust's TBB system: one source, the bits of the tuned path.
TEST(ChunkFunctor, ThroughThrustOnTbbEqualsTheTunedPath) {
  std::mt19937 random(21);
  for (int round = 0; round < 24; ++round) {
    FinishOptions finish;
    finish.height = finish.width = 24;
    finish.dtype = static_cast<DType>(round % 4);
    finish.layout = static_cast<Layout>(round / 4 % 2);
    const auto chunk = testing_chunk::make_chunk(random, finish, {3, 0, 2, 1}, round >= 16);
    std::vector<std::byte> expected(4 * finished_row_bytes(finish));
    testing_chunk::expect_rows(chunk, finish, expected);

    const ChunkWork work(chunk.ops, finish.width, finish.height);
    std::vector<std::uint8_t> between(work.between_pixels() * 3);
    std::vector<std::byte> rows(expected.size());
    const FinishTable table(finish);
    const thrust::counting_iterator<std::uint64_t> first(0);
    thrust::for_each_n(thrust::tbb::par, first, work.between_pixels(),
                       HorizontalFunctor{work, chunk.bytes().data(), between.data()});
    thrust::for_each_n(thrust::tbb::par, first, work.result_pixels(),
                       FinishFunctor{work, chunk.bytes().data(), between.data(), table.bits[0].data(),
                                     rows.data(), finish.dtype, finish.layout});
    ASSERT_TRUE(rows == expected) << "round " << round;
  }
}

}  // namespace
}  // namespace forebay
