#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <numeric>

#include "device/backend.h"
#include "device/cuda_module.h"
#include "tests/contract/random_chunk.h"

namespace forebay {
namespace {

using testing_chunk::expect_rows;
using testing_chunk::make_chunk;
using testing_chunk::RandomChunk;

bool cuda_is_promised() {
  const char* promised = std::getenv("FOREBAY_TEST_CUDA");
  return promised != nullptr && *promised == '1';
}

FinishOptions small(DType dtype = DType::f32, Layout layout = Layout::nchw) {
  FinishOptions finish;
  finish.height = finish.width = 24;
  finish.dtype = dtype;
  finish.layout = layout;
  return finish;
}

class BackendContract : public ::testing::TestWithParam<DeviceKind> {
 protected:
  void SetUp() override {
    if (GetParam() == DeviceKind::cuda && !cuda_is_promised()) {
      GTEST_SKIP()
          << "no CUDA device is promised (FOREBAY_TEST_CUDA=1); tests/cuda runs this with the emulation";
    }
    backend_ = GetParam() == DeviceKind::cuda ? make_cuda_backend(0) : make_cpu_backend(2);
  }
  void TearDown() override { backend_.reset(); }  // before the memory that it page-locked

  SealedMemory pinned(std::size_t bytes) {
    SealedMemory memory = SealedMemory::create("test-result", bytes);
    backend_->pin(memory.bytes());
    return memory;
  }

  static BackendError::Kind kind_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const BackendError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return BackendError::Kind::sticky;
  }

  void run_and_compare(std::mt19937& random, const FinishOptions& finish, std::uint32_t items,
                       bool hostile = false) {
    std::vector<std::uint32_t> rows(items);
    std::iota(rows.begin(), rows.end(), 0U);
    std::shuffle(rows.begin(), rows.end(), random);
    const std::size_t row_bytes = finished_row_bytes(finish);
    RandomChunk chunk = make_chunk(random, finish, rows, hostile);
    backend_->pin(chunk.memory.bytes());
    const SealedMemory result = pinned(items * row_bytes);
    backend_->begin_batch(0, {finish, items}, result.bytes());
    const Ticket uploaded = backend_->add_chunk(0, chunk.bytes(), chunk.ops);
    const Ticket finished = backend_->end_batch(0, items, {});
    backend_->wait(finished);
    EXPECT_TRUE(backend_->done(uploaded)) << "tickets of a lane complete in order";
    std::vector<std::byte> expected(items * row_bytes);
    expect_rows(chunk, finish, expected);
    EXPECT_EQ(std::memcmp(result.bytes().data(), expected.data(), expected.size()), 0);
    backend_->unpin(chunk.memory.bytes());
    backend_->unpin(result.bytes());
  }

  std::unique_ptr<Backend> backend_;
};

TEST_P(BackendContract, EveryDtypeAndLayoutHasTheBitsOfTheOperators) {
  std::mt19937 random(1);
  for (const DType dtype : {DType::u8, DType::f16, DType::bf16, DType::f32}) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) run_and_compare(random, small(dtype, layout), 5);
  }
}

TEST_P(BackendContract, OneItemAndAFullChunk) {
  std::mt19937 random(2);
  run_and_compare(random, small(), 1);
  run_and_compare(random, small(), chunk_items_max);
}

TEST_P(BackendContract, HostileTablesStayInBoundsAndAreDeterministic) {
  std::mt19937 random(3);
  for (int round = 0; round < 5; ++round) run_and_compare(random, small(), 9, true);
}

TEST_P(BackendContract, LanesDoNotDisturbEachOther) {
  std::mt19937 random(4);
  const FinishOptions finish = small();
  const std::size_t row_bytes = finished_row_bytes(finish);
  RandomChunk chunks[2] = {make_chunk(random, finish, {0, 1, 2}), make_chunk(random, finish, {2, 0, 1})};
  SealedMemory results[2] = {pinned(3 * row_bytes), pinned(3 * row_bytes)};
  for (const RandomChunk& chunk : chunks) backend_->pin(chunk.memory.bytes());
  for (int round = 0; round < 3; ++round) {
    Ticket ends[2];
    for (std::uint32_t lane = 0; lane < 2; ++lane)
      backend_->begin_batch(lane, {finish, 3}, results[lane].bytes());
    for (std::uint32_t lane = 0; lane < 2; ++lane)
      backend_->add_chunk(lane, chunks[lane].bytes(), chunks[lane].ops);
    for (std::uint32_t lane = 0; lane < 2; ++lane) ends[lane] = backend_->end_batch(lane, 3, {});
    for (std::uint32_t lane = 0; lane < 2; ++lane) {
      backend_->wait(ends[lane]);
      std::vector<std::byte> expected(3 * row_bytes);
      expect_rows(chunks[lane], finish, expected);
      EXPECT_EQ(std::memcmp(results[lane].bytes().data(), expected.data(), expected.size()), 0);
      std::memset(results[lane].bytes().data(), 0, results[lane].bytes().size());
    }
  }
  for (const RandomChunk& chunk : chunks) backend_->unpin(chunk.memory.bytes());
  for (const SealedMemory& result : results) backend_->unpin(result.bytes());
}

TEST_P(BackendContract, ASlotMayBeWrittenAgainOnceItsTicketIsDone) {
  std::mt19937 random(5);
  const FinishOptions finish = small();
  const std::size_t row_bytes = finished_row_bytes(finish);
  RandomChunk chunk = make_chunk(random, finish, {0});
  RandomChunk other = make_chunk(random, finish, {1});
  std::vector<std::byte> expected(2 * row_bytes);
  expect_rows(chunk, finish, expected);
  expect_rows(other, finish, expected);
  const SealedMemory slot = pinned(chunk.memory.bytes().size());
  const SealedMemory result = pinned(2 * row_bytes);
  backend_->begin_batch(0, {finish, 2}, result.bytes());
  for (const RandomChunk* part : {&chunk, &other}) {
    std::memcpy(slot.bytes().data(), part->memory.bytes().data(), part->used);
    const Ticket read = backend_->add_chunk(0, slot.bytes().first(part->used), part->ops);
    backend_->wait(read);
    std::memset(slot.bytes().data(), 0xEE, part->used);  // a worker fills it with something else
  }
  backend_->wait(backend_->end_batch(0, 2, {}));
  EXPECT_EQ(std::memcmp(result.bytes().data(), expected.data(), expected.size()), 0);
  backend_->unpin(slot.bytes());
  backend_->unpin(result.bytes());
}

TEST_P(BackendContract, MemoryThatIsNotPageLockedIsRefusedAndTheBackendGoesOn) {
  std::mt19937 random(6);
  const FinishOptions finish = small();
  RandomChunk chunk = make_chunk(random, finish, {0});
  const SealedMemory result = pinned(finished_row_bytes(finish));
  const SealedMemory pageable = SealedMemory::create("pageable", finished_row_bytes(finish));
  EXPECT_EQ(kind_of([&] {
              backend_->begin_batch(0, {finish, 1}, pageable.bytes());
            }),
            BackendError::Kind::recoverable);
  backend_->begin_batch(0, {finish, 1}, result.bytes());
  EXPECT_EQ(kind_of([&] { backend_->add_chunk(0, chunk.bytes(), chunk.ops); }),
            BackendError::Kind::recoverable);
  EXPECT_EQ(kind_of([&] { backend_->pin(result.bytes()); }), BackendError::Kind::recoverable)
      << "pinned twice";
  EXPECT_EQ(kind_of([&] {
              backend_->begin_batch(9, {finish, 1}, result.bytes());
            }),
            BackendError::Kind::recoverable);
  backend_->unpin(result.bytes());
  run_and_compare(random, finish, 3);
}

TEST_P(BackendContract, StagesRunInPlaceAndInOrder) {
  std::mt19937 random(7);
  const FinishOptions finish = small(DType::u8);
  const std::size_t row_bytes = finished_row_bytes(finish);
  const std::uint32_t invert = backend_->load_stage(FOREBAY_STAGE_MODULE, "Invert");
  RandomChunk chunk = make_chunk(random, finish, {0, 1});
  backend_->pin(chunk.memory.bytes());
  const SealedMemory result = pinned(2 * row_bytes);
  std::vector<std::byte> expected(2 * row_bytes);
  expect_rows(chunk, finish, expected);
  for (const std::size_t times : {1U, 2U}) {
    backend_->begin_batch(0, {finish, 2}, result.bytes());
    backend_->add_chunk(0, chunk.bytes(), chunk.ops);
    const std::vector<std::uint32_t> stages(times, invert);
    backend_->wait(backend_->end_batch(0, 2, stages));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::byte wanted = times == 1 ? ~expected[i] : expected[i];
      ASSERT_EQ(result.bytes()[i], wanted) << i;
    }
  }
  backend_->unpin(chunk.memory.bytes());
  backend_->unpin(result.bytes());
}

TEST_P(BackendContract, StagesThatFailOrDoNotExistAreClearErrors) {
  const auto message_of = [&](const std::string& module, const std::string& name) -> std::string {
    try {
      backend_->load_stage(module, name);
    } catch (const Error& error) {
      return error.what();
    }
    return "loaded";
  };
  EXPECT_NE(message_of("/nonexistent/module", "Invert").find("/nonexistent/module"), std::string::npos);
  EXPECT_NE(message_of(FOREBAY_STAGE_MODULE, "Rotate").find("Invert"), std::string::npos)
      << "it says which there are";
  std::mt19937 random(8);
  const FinishOptions finish = small(DType::f32);  // Invert takes u8 only
  const std::uint32_t invert = backend_->load_stage(FOREBAY_STAGE_MODULE, "Invert");
  const SealedMemory result = pinned(finished_row_bytes(finish));
  backend_->begin_batch(0, {finish, 1}, result.bytes());
  EXPECT_EQ(kind_of([&] { backend_->end_batch(0, 1, std::vector<std::uint32_t>{invert}); }),
            BackendError::Kind::recoverable);
  backend_->unpin(result.bytes());
}

TEST_P(BackendContract, ABatchWithoutRowsIsABatch) {
  const FinishOptions finish = small();
  const SealedMemory result = pinned(finished_row_bytes(finish));
  backend_->begin_batch(1, {finish, 1}, result.bytes());
  const Ticket end = backend_->end_batch(1, 0, {});
  backend_->wait(end);
  EXPECT_TRUE(backend_->done(end));
  EXPECT_FALSE(backend_->done({1, end.value + 1})) << "never issued";
  backend_->unpin(result.bytes());
}

TEST_P(BackendContract, AnAbandonedLaneIsDoneWithItsBatchAndTakesTheNext) {
  std::mt19937 random(9);
  const FinishOptions finish = small();
  const std::size_t row_bytes = finished_row_bytes(finish);
  RandomChunk chunk = make_chunk(random, finish, {0, 1});
  backend_->pin(chunk.memory.bytes());
  const SealedMemory result = pinned(2 * row_bytes);
  backend_->begin_batch(0, {finish, 2}, result.bytes());
  const Ticket read = backend_->add_chunk(0, chunk.bytes(), chunk.ops);
  backend_->abandon(0);
  EXPECT_TRUE(backend_->done(read)) << "nothing reads the chunk any more";
  EXPECT_EQ(kind_of([&] { backend_->add_chunk(0, chunk.bytes(), chunk.ops); }),
            BackendError::Kind::recoverable)
      << "there is no batch";
  backend_->abandon(1);  // of a lane that never had one
  EXPECT_EQ(kind_of([&] { backend_->abandon(9); }), BackendError::Kind::recoverable);
  backend_->unpin(chunk.memory.bytes());
  backend_->unpin(result.bytes());
  run_and_compare(random, finish, 3);
}

TEST_P(BackendContract, PartsOfABatchLieBehindEachOtherInItsResult) {
  std::mt19937 random(10);
  const FinishOptions finish = small();
  const std::size_t row_bytes = finished_row_bytes(finish);
  const SealedMemory result = pinned(7 * row_bytes);
  std::vector<std::byte> expected(7 * row_bytes);
  std::size_t row = 0;
  for (const std::uint32_t rows : {4U, 1U, 2U}) {  // smaller, then larger: what the lane holds follows
    std::vector<std::uint32_t> numbers(rows);
    std::iota(numbers.begin(), numbers.end(), 0U);
    RandomChunk chunk = make_chunk(random, finish, numbers);
    backend_->pin(chunk.memory.bytes());
    backend_->begin_batch(0, {finish, rows}, result.bytes().subspan(row * row_bytes));
    backend_->add_chunk(0, chunk.bytes(), chunk.ops);
    backend_->wait(backend_->end_batch(0, rows, {}));
    std::vector<std::byte> part(rows * row_bytes);
    expect_rows(chunk, finish, part);
    std::memcpy(expected.data() + row * row_bytes, part.data(), part.size());
    row += rows;
    backend_->unpin(chunk.memory.bytes());
  }
  EXPECT_EQ(std::memcmp(result.bytes().data(), expected.data(), expected.size()), 0);
  backend_->unpin(result.bytes());
}

TEST_P(BackendContract, AChunkThatIsDoneIsInTheResultWhereItSaysSo) {
  std::mt19937 random(11);
  const FinishOptions finish = small();
  const SealedMemory result = pinned(3 * finished_row_bytes(finish));
  RandomChunk chunk = make_chunk(random, finish, {0, 1, 2});
  backend_->pin(chunk.memory.bytes());
  std::vector<std::byte> expected(result.bytes().size());
  expect_rows(chunk, finish, expected);
  const auto as_expected = [&] {
    return std::memcmp(result.bytes().data(), expected.data(), expected.size()) == 0;
  };
  backend_->begin_batch(0, {finish, 3}, result.bytes());
  backend_->wait(backend_->add_chunk(0, chunk.bytes(), chunk.ops));
  EXPECT_EQ(backend_->finishes_chunks(), GetParam() == DeviceKind::cpu);
  EXPECT_TRUE(as_expected() || !backend_->finishes_chunks());
  backend_->wait(backend_->end_batch(0, 3, {}));
  EXPECT_TRUE(as_expected());
  backend_->unpin(chunk.memory.bytes());
  backend_->unpin(result.bytes());
}

TEST_P(BackendContract, SaysWhatItIs) {
  EXPECT_EQ(backend_->info().device.kind, GetParam());
  EXPECT_FALSE(backend_->info().name.empty());
}

INSTANTIATE_TEST_SUITE_P(Backends, BackendContract, ::testing::Values(DeviceKind::cpu, DeviceKind::cuda),
                         [](const auto& parameter) {
                           return parameter.param == DeviceKind::cpu ? "cpu" : "cuda";
                         });

}  // namespace
}  // namespace forebay
