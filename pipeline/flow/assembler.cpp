#include "pipeline/flow/assembler.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "host/limits.h"
#include "pipeline/flow/chunk_records.h"

namespace forebay {
namespace {

std::string name_of(DType dtype, std::span<const std::int64_t> shape) {
  return fmt::format("{} [{}]", to_string(dtype), fmt::join(shape, ", "));
}

}  // namespace

/// A batch in the making.
struct Assembler::Build {
  struct Row {
    const std::byte* from;
    std::byte* to;
    std::size_t record;  ///< of the row's item
    bool done = false;
  };
  std::uint64_t batch = 0;
  std::shared_ptr<BatchBuffer> buffer;
  std::vector<ItemRecord> records;
  std::uint32_t rows = 0;
  bool pictures = false;  ///< rows are finished pictures; else tensors taken as they are
  std::size_t row_bytes = 0;
  DType dtype = DType::u8;
  std::vector<std::int64_t> item_shape;  ///< of one row
  std::vector<Row> todo;                 ///< of the chunk in work
  bool cut = false;                      ///< stop() came while the last operator ran
};

Assembler::Assembler(const RunShape& shape, const PipelineOptions& options, Handover& handover,
                     const Flow& flow, StatsBoard& stats)
    : shape_(shape),
      options_(options),
      handover_(handover),
      flow_(flow),
      stats_(stats),
      table_(options.finish),
      buffers_(std::make_shared<BatchPool>(options.batches_held + 1)) {}

std::optional<Batch> Assembler::next() {
  const std::optional<PickedBatch> picked = handover_.next_batch();
  if (!picked) return std::nullopt;
  Build build;
  build.batch = picked->batch;
  std::uint64_t cursor = picked->first_item;
  while (!failed_ && !build.cut) {
    std::optional<Chunk> chunk = handover_.next_chunk(build.batch, cursor);
    if (!chunk) break;
    cursor = chunk->end_item();
    add(build, *chunk);
    handover_.release(*chunk->lease);
  }
  TensorView view;
  if (build.rows > 0) {
    std::vector<std::int64_t> shape{build.rows};
    shape.insert(shape.end(), build.item_shape.begin(), build.item_shape.end());
    view = contiguous_view(build.buffer->bytes().data(), build.dtype, shape);
  }
  return Batch(build.batch, view, std::move(build.records), std::move(build.buffer));
}

std::byte* Assembler::row_for(Build& build, const ItemDescriptor& item, ItemRecord& record) {
  const std::span<const std::int64_t> dims(item.shape.data(), item.rank);
  const bool picture = item.kind == ItemKind::prepared;
  if (!build.buffer) {
    build.pictures = picture;
    if (picture) {
      const std::int64_t crop = options_.prepare.crop;
      build.row_bytes = shape_.row_bytes;
      build.dtype = options_.finish.dtype;
      build.item_shape = options_.finish.layout == Layout::nchw ? std::vector<std::int64_t>{3, crop, crop}
                                                                : std::vector<std::int64_t>{crop, crop, 3};
    } else {
      build.row_bytes = item.bytes;
      build.dtype = item.dtype;
      build.item_shape.assign(dims.begin(), dims.end());
    }
    build.buffer = buffers_->take(std::max<std::size_t>(1, build.row_bytes * options_.batch));
  }
  const bool fits =
      picture == build.pictures &&
      (picture || (item.dtype == build.dtype &&
                   std::equal(dims.begin(), dims.end(), build.item_shape.begin(), build.item_shape.end())));
  if (!fits) {
    record.error = ItemErrorCode::stage_failed;
    record.message = fmt::format("its tensor is {}, the batch holds {}", name_of(item.dtype, dims),
                                 name_of(build.dtype, build.item_shape));
    return nullptr;
  }
  return build.buffer->bytes().data() + build.row_bytes * build.rows++;
}

void Assembler::add(Build& build, Chunk& chunk) {
  build.todo.clear();
  const std::span<const std::byte> payload = flow_.payload(*chunk.lease);
  for (std::uint32_t position = 0; position < chunk.count() && !failed_; ++position) {
    ItemRecord record = make_record(chunk, position);
    if (record.ok()) {
      const ItemDescriptor& item = chunk.finished[position];
      std::byte* row = row_for(build, item, record);
      if (row != nullptr) build.todo.push_back({payload.data() + item.offset, row, build.records.size()});
    }
    failed_ = !record.ok() && options_.on_error == OnError::fail;
    build.records.push_back(std::move(record));
  }
  run_last_operator(build);
}

bool Assembler::finish_picture(const std::uint8_t* pixels, std::byte* row) {
  const std::size_t count = std::size_t{options_.finish.height} * options_.finish.width;
  for (std::size_t first = 0; first < count; first += limits::finish_piece_pixels) {
    if (handover_.stopped()) return false;
    const std::size_t piece = std::min(limits::finish_piece_pixels, count - first);
    finish_part(options_.finish, table_, pixels, first, piece, row);
  }
  return true;
}

void Assembler::drop_unfinished(Build& build) {
  const auto unfinished =
      std::find_if(build.todo.begin(), build.todo.end(), [](const Build::Row& row) { return !row.done; });
  if (unfinished == build.todo.end()) return;
  build.cut = true;
  failed_ = false;  // if it was, by an item behind
  build.rows -= static_cast<std::uint32_t>(build.todo.end() - unfinished);
  build.records.resize(unfinished->record);
  build.todo.erase(unfinished, build.todo.end());
}

void Assembler::run_last_operator(Build& build) {
  if (build.todo.empty()) return;
  const auto begin = std::chrono::steady_clock::now();
  const auto run_row = [&](Build::Row& row) {
    if (build.pictures) {
      row.done = finish_picture(reinterpret_cast<const std::uint8_t*>(row.from), row.to);
    } else {
      std::memcpy(row.to, row.from, build.row_bytes);  // counted below: a tensor that is taken as it is
      row.done = true;
    }
  };
  if (shape_.finish_threads > 1) {
    tbb::task_arena arena(static_cast<int>(shape_.finish_threads));
    arena.execute([&] {
      tbb::parallel_for(std::size_t{0}, build.todo.size(), [&](std::size_t i) { run_row(build.todo[i]); });
    });
  } else {
    for (Build::Row& row : build.todo) run_row(row);
  }
  const double busy_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  drop_unfinished(build);
  const std::uint64_t bytes = build.row_bytes * build.todo.size();
  stats_.update([&](RunStats& stats) {
    stats.stage_busy_s["finish"] += busy_s;
    stats.payload_bytes_written += bytes;
    if (!build.pictures) stats.payload_copies += bytes;
  });
}

}  // namespace forebay
