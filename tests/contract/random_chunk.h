#pragma once

#include <sys/mman.h>

#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "device/backend.h"
#include "device/ops/prepare.h"
#include "host/memory/sealed_memory.h"

namespace forebay::testing_chunk {

/// A chunk as a worker would leave it: regions with their tables, prepared pictures in between, in shared
/// memory.
struct RandomChunk {
  SealedMemory memory;
  std::size_t used = 0;
  std::vector<ItemOp> ops;
  [[nodiscard]] std::span<const std::byte> bytes() const { return memory.bytes().first(used); }
};

inline std::size_t align(std::size_t offset) { return (offset + 127) / 128 * 128; }

/// `rows`: the batch row of each item.
inline RandomChunk make_chunk(std::mt19937& random, const FinishOptions& finish,
                              const std::vector<std::uint32_t>& rows, bool hostile_tables = false) {
  RandomChunk chunk;
  chunk.memory = SealedMemory::create("test-chunk", std::size_t{24} << 20U);
  std::byte* base = chunk.memory.bytes().data();
  const auto fill = [&](std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) base[chunk.used + i] = static_cast<std::byte>(random());
  };
  for (const std::uint32_t row : rows) {
    ItemOp op;
    op.row = row;
    op.pixels = static_cast<std::uint32_t>(chunk.used);
    if (random() % 3 == 0) {  // prepared
      op.width = finish.width;
      op.height = finish.height;
      const std::size_t bytes = std::size_t{op.width} * op.height * 3;
      fill(bytes);
      chunk.used = align(chunk.used + bytes);
      chunk.ops.push_back(op);
      continue;
    }
    PrepareOptions options;
    options.resize = static_cast<std::uint32_t>(1 + random() % 60);
    options.crop = finish.width;
    options.filter = static_cast<Filter>(random() % 5);
    options.augment = random() % 2 == 0 ? Augment::none : Augment::train;
    const auto edge = [&] {
      return static_cast<std::uint32_t>(1 + random() % (random() % 8 == 0 ? 900 : 60));
    };
    const PreparePlan plan = plan_prepare(options, random(), edge(), edge());
    op.width = plan.needed.width;
    op.height = plan.needed.height;
    const std::size_t bytes = std::size_t{op.width} * op.height * 3;
    fill(bytes);
    chunk.used = align(chunk.used + bytes);
    const auto put_table = [&](const AxisPlan& axis, std::uint32_t begin, std::uint32_t& offset,
                               std::uint32_t& taps) {
      taps = resample_taps(axis);
      const std::size_t words = resample_table_words(axis.outputs, taps);
      offset = static_cast<std::uint32_t>(chunk.used);
      auto* memory = reinterpret_cast<std::int32_t*>(base + chunk.used);
      fill_resample_table(axis, begin, {memory, words});
      if (hostile_tables) {
        for (std::size_t i = 0; i < words; ++i) {
          if (random() % 3 == 0) memory[i] = static_cast<std::int32_t>(random());
        }
      }
      chunk.used += words * sizeof(std::int32_t);
    };
    put_table(plan.horizontal, plan.needed.x, op.horizontal, op.horizontal_taps);
    put_table(plan.vertical, plan.needed.y, op.vertical, op.vertical_taps);
    chunk.used = align(chunk.used);
    chunk.ops.push_back(op);
  }
  return chunk;
}

/// What a backend must make of the chunk: resample() and finish_row(), item by item.
inline void expect_rows(const RandomChunk& chunk, const FinishOptions& finish, std::span<std::byte> batch) {
  const FinishTable table(finish);
  const std::byte* base = chunk.memory.bytes().data();
  std::vector<std::uint8_t> prepared(std::size_t{finish.width} * finish.height * 3);
  for (const ItemOp& op : chunk.ops) {
    const auto* pixels = reinterpret_cast<const std::uint8_t*>(base + op.pixels);
    if (op.horizontal_taps > 0) {
      const ResampleTable horizontal{reinterpret_cast<const std::int32_t*>(base + op.horizontal),
                                     finish.width, op.horizontal_taps};
      const ResampleTable vertical{reinterpret_cast<const std::int32_t*>(base + op.vertical), finish.height,
                                   op.vertical_taps};
      resample({pixels, op.width, op.height, std::size_t{op.width} * 3}, horizontal, vertical,
               prepared.data());
      pixels = prepared.data();
    }
    finish_row(finish, table, pixels, batch.data() + op.row * finished_row_bytes(finish));
  }
}

}  // namespace forebay::testing_chunk
