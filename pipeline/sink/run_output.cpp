#include "pipeline/sink/run_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "host/contract.h"
#include "host/error.h"
#include "pipeline/sink/commit_step.h"
#include "pipeline/sink/input_file.h"
#include "pipeline/sink/output_file.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> row_shape(const FinishOptions& finish) {
  const std::int64_t height = finish.height;
  const std::int64_t width = finish.width;
  if (finish.layout == Layout::nchw) return {3, height, width};
  return {height, width, 3};
}

std::optional<std::uint64_t> size_of_file(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(bytes);
}

void count(CommitState& state, std::span<const ItemRecord> items) {
  state.items += items.size();
  for (const ItemRecord& item : items) {
    state.warnings += item.warnings;
    state.epochs_end = std::max<std::uint64_t>(state.epochs_end, item.epoch + 1);
    if (item.ok()) {
      ++state.rows;
    } else {
      ++state.errors[std::string(to_string(item.error))];
    }
  }
}

/// What these items take in a record at most: were all of their lines to wait.
std::size_t held_bytes(std::span<const ItemRecord> items) {
  constexpr std::size_t beside_text = 512;  // of a line, keys included, and what the codec adds
  constexpr std::size_t escaped = 6;        // bytes of JSON for one
  std::size_t bytes = 0;
  for (const ItemRecord& item : items) {
    const std::size_t text = item.path.size() + item.label.value_or("").size() + item.message.size();
    bytes += beside_text + escaped * text;
  }
  return bytes;
}

CommitRecord record_of(std::span<const ItemRecord> items, std::uint64_t first_row) {
  CommitRecord record;
  record.first_row = first_row;
  record.failed.resize((items.size() + 7) / 8);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::uint64_t position = items[i].index;
    if (record.positions.empty() || record.positions.back().end != position)
      record.positions.push_back({position, position});
    ++record.positions.back().end;
    if (!items[i].ok()) record.failed[i / 8] |= static_cast<std::uint8_t>(1U << i % 8);
  }
  return record;
}

}  // namespace

RunOutput::RunOutput(const fs::path& folder, OutputStart start)
    : folder_(folder, names, start != OutputStart::fresh) {
  if (start != OutputStart::resume) return;
  const std::string path = folder_.file(log_name);
  if (!size_of_file(path)) {
    for (const std::string_view name : names) {
      if (!size_of_file(folder_.file(name))) continue;
      throw Error(
          ErrorCode::usage,
          fmt::format("{} exists, but no {} that could say how far its run came; --force starts afresh",
                      folder_.file(name), log_name));
    }
    return;
  }
  resume_ = find_resume_point(
      path, {size_of_file(folder_.file(tensors_name)), size_of_file(folder_.file(items_name)),
             size_of_file(folder_.file(quarantine_name))});
  if (!resume_->state) {
    resume_.reset();  // nothing was done, so nothing is to be kept
    return;
  }
  committed_ = *resume_->state;
}

void RunOutput::begin(OutputPlan plan) {
  plan_ = std::move(plan);
  sheet_.emplace(plan_.finish);
  if (resume_) {
    reopen();
  } else {
    create();
  }
}

void RunOutput::create() {
  // The log first: without it the other files would be another's, which --resume must not touch.
  log_.emplace(folder_.file(log_name), plan_.manifest);
  commit_step("pipeline.begin.log");
  for (const std::string_view name : names) {
    if (name == log_name) continue;
    std::error_code error;
    fs::remove(folder_.file(name), error);
    if (error) throw os_error(error.value(), "replace " + folder_.file(name));
  }
  commit_step("pipeline.begin.cleared");
  if (plan_.tensors) {
    tensors_.emplace(folder_.file(tensors_name), plan_.finish.dtype, row_shape(plan_.finish),
                     plan_.expected_rows);
  }
  commit_step("pipeline.begin.tensors");
  items_.emplace(folder_.file(items_name), plan_.source_identity, plan_.keys);
  quarantine_.emplace(folder_.file(quarantine_name));
  commit_step("pipeline.begin.files");
  if (plan_.durable) {
    log_->sync();
    folder_.sync();
  }
}

/// The log first here too: from then on its end says what the other files are cut to.
void RunOutput::reopen() {
  const CommitState& state = *resume_->state;
  log_.emplace(folder_.file(log_name), *resume_);
  commit_step("pipeline.resume.log");
  if (plan_.tensors) {
    tensors_.emplace(NpyFile::reopen(folder_.file(tensors_name), plan_.finish.dtype, row_shape(plan_.finish),
                                     state.rows, plan_.expected_rows));
  }
  commit_step("pipeline.resume.tensors");
  items_.emplace(folder_.file(items_name), state, resume_->held, plan_.source_identity, plan_.keys);
  commit_step("pipeline.resume.items");
  quarantine_.emplace(folder_.file(quarantine_name), state.quarantine_bytes);
  commit_step("pipeline.resume.files");
  committed_ = logged_ = state;
  committed_.session = ++logged_.session;
  CommitRecord record;
  record.kind = CommitKind::resumed;
  log(std::move(record));
  commit_step("pipeline.resume.recorded");
  restore_sheet();
}

bool RunOutput::append(const Batch& batch, const std::function<bool()>& overdue) {
  expect(begun(), "RunOutput::begin comes before append");
  TensorView rows = batch.tensor();
  std::span<const ItemRecord> items = batch.items();
  const std::uint64_t rows_before = tensors_ ? tensors_->rows() : 0;
  std::uint64_t kept = batch.rows();
  // So that a batch whose rows found space can be completed.
  const bool waits = !items.empty() && items.front().index != items_->watermark();
  log_->reserve(waits ? held_bytes(items) : 0);
  if (tensors_ && kept > 0) kept = tensors_->append(rows, overdue);
  const bool whole = kept == batch.rows();
  if (!whole) {
    // The items before the first whose row is missing.
    const auto missing = std::find_if(items.begin(), items.end(),
                                      [&kept](const ItemRecord& item) { return item.ok() && kept-- == 0; });
    items = items.first(static_cast<std::size_t>(missing - items.begin()));
  }
  const std::uint64_t items_before = committed_.items;
  try {
    commit(items);
  } catch (const Error&) {
    // Rows without lines would be nobody's.
    if (tensors_ && committed_.items == items_before) tensors_->roll_back(rows_before);
    throw;
  }
  if (whole && !(overdue && overdue())) sheet_->add(rows);
  if (sheet_->full() && !sheet_written_.valid() && !sheet_kept_) begin_sheet();
  return whole;
}

void RunOutput::commit(std::span<const ItemRecord> items) {
  if (logging_) {
    const auto failed = plan_.retry_failed
                            ? std::find_if(items.begin(), items.end(), [](const auto& i) { return !i.ok(); })
                            : items.end();
    const auto done = items.first(static_cast<std::size_t>(failed - items.begin()));
    items = items.subspan(done.size());
    if (!done.empty()) {
      write_lines(done);
      record(done);
    }
    logging_ = items.empty();
  }
  if (!items.empty()) write_lines(items);
}

void RunOutput::write_lines(std::span<const ItemRecord> items) {
  const std::uint64_t quarantine_before = quarantine_->bytes();
  // Before its items' lines: who reads one finds the evidence.
  const bool created = quarantine_->append(items);
  if (created && plan_.durable) folder_.sync();
  commit_step("pipeline.commit.quarantine");
  try {
    items_->append(items, log_->end());
  } catch (const Error&) {
    quarantine_->roll_back(quarantine_before);
    throw;
  }
  commit_step("pipeline.commit.lines");
  count(committed_, items);
}

void RunOutput::record(std::span<const ItemRecord> items) {
  CommitRecord record = record_of(items, logged_.rows);
  count(logged_, items);
  record.held = items_->held_of(log_->end());
  log(std::move(record));
  commit_step("pipeline.commit.log");
}

/// Completes the record with where the run stands now, and writes it.
void RunOutput::log(CommitRecord record) {
  items_->describe(logged_);
  logged_.tensors_bytes = tensors_ ? tensors_->end_of(logged_.rows) : 0;
  logged_.quarantine_bytes = quarantine_->bytes();
  record.state = logged_;
  if (plan_.durable) {
    if (tensors_) tensors_->sync();
    quarantine_->sync();
    items_->sync();
    commit_step("pipeline.commit.synced");
  }
  log_->append(record);
  if (plan_.durable) log_->sync();
}

void RunOutput::finish() {
  if (!begun()) return;
  std::exception_ptr first;
  const auto attempt = [&first](auto&& step) {
    try {
      step();
    } catch (const Error&) {
      if (!first) first = std::current_exception();
    }
  };
  if (tensors_) attempt([this] { tensors_->finish(); });
  commit_step("pipeline.finish.tensors");
  attempt([this] { log_->finish(); });
  attempt([this] { items_->finish(); });
  commit_step("pipeline.finish.items");
  if (!sheet_written_.valid() && !sheet_kept_ && sheet_->tiles() > 0) begin_sheet();
  if (sheet_written_.valid()) attempt([this] { sheet_written_.get(); });
  commit_step("pipeline.finish.sheet");
  if (first) std::rethrow_exception(first);
}

void RunOutput::write_summary(const RunSummary& summary) {
  OutputFile file(folder_.file(summary_name), bytes_of(summary_json(summary)));
  if (plan_.durable) {
    file.sync();
    folder_.sync();
  }
  commit_step("pipeline.finish.summary");
}

void RunOutput::complete() {
  if (!begun() || !logging_) return;
  CommitRecord record;
  record.kind = CommitKind::complete;
  log(std::move(record));
  commit_step("pipeline.finish.complete");
}

/// The first rows of the run are those of tensors.npy.
void RunOutput::restore_sheet() {
  const bool there = size_of_file(folder_.file(sheet_name)).has_value();
  const std::uint64_t tiles = std::min<std::uint64_t>(logged_.rows, ContactSheet::tiles_max);
  // One of fewer tiles may be an interrupted session's; without tensors.npy there is no better one.
  sheet_kept_ = there && (tiles == ContactSheet::tiles_max || (!tensors_ && tiles > 0));
  if (sheet_kept_ || !tensors_) return;
  std::error_code ignored;
  fs::remove(folder_.file(sheet_name), ignored);
  const InputFile file(folder_.file(tensors_name));
  std::vector<std::int64_t> shape = row_shape(plan_.finish);
  shape.insert(shape.begin(), 1);
  for (std::uint64_t row = 0; row < tiles; ++row) {
    std::vector<std::byte> bytes =
        file.read(tensors_->end_of(row), static_cast<std::size_t>(tensors_->row_bytes()));
    sheet_->add(contiguous_view(bytes.data(), plan_.finish.dtype, shape));
  }
}

/// Beside the run, which must not wait for a picture of itself. A full sheet takes no more tiles, so it is
/// only read.
void RunOutput::begin_sheet() {
  sheet_written_ = std::async(std::launch::async, [path = folder_.file(sheet_name), sheet = &*sheet_] {
    const OutputFile file(path, sheet->png());
  });
}

}  // namespace forebay
