#include "pipeline/sink/run_output.h"

#include <algorithm>
#include <exception>
#include <vector>

#include "host/contract.h"
#include "host/error.h"
#include "pipeline/sink/output_file.h"

namespace forebay {
namespace {

std::vector<std::int64_t> row_shape(const FinishOptions& finish) {
  const std::int64_t height = finish.height;
  const std::int64_t width = finish.width;
  if (finish.layout == Layout::nchw) return {3, height, width};
  return {height, width, 3};
}

}  // namespace

void RunOutput::begin(const FinishOptions& finish, bool tensors, std::optional<std::uint64_t> expected_rows) {
  for (const std::string_view name : names) {
    std::error_code error;
    std::filesystem::remove(folder_.file(name), error);
    if (error) throw os_error(error.value(), "replace " + folder_.file(name));
  }
  if (tensors) {
    tensors_.emplace(folder_.file(tensors_name), finish.dtype, row_shape(finish), expected_rows);
  }
  items_.emplace(folder_.file(items_name));
  quarantine_.emplace(folder_.file(quarantine_name));
  sheet_.emplace(finish);
}

bool RunOutput::append(const Batch& batch, const std::function<bool()>& overdue) {
  expect(items_.has_value(), "RunOutput::begin comes before append");
  TensorView rows = batch.tensor();
  std::span<const ItemRecord> items = batch.items();
  std::uint64_t kept = batch.rows();
  if (tensors_ && kept > 0) kept = tensors_->append(rows, overdue);
  const bool whole = kept == batch.rows();
  if (!whole) {
    // The items before the first whose row is missing.
    const auto missing = std::find_if(items.begin(), items.end(),
                                      [&kept](const ItemRecord& item) { return item.ok() && kept-- == 0; });
    items = items.first(static_cast<std::size_t>(missing - items.begin()));
    rows.shape[0] =
        std::count_if(items.begin(), items.end(), [](const ItemRecord& item) { return item.ok(); });
  }
  commit(batch.sequence(), items, rows);
  if (whole && !(overdue && overdue())) sheet_->add(rows);
  if (sheet_->full() && !sheet_written_.valid()) begin_sheet();
  return whole;
}

void RunOutput::commit(std::uint64_t sequence, std::span<const ItemRecord> items, const TensorView& rows) {
  quarantine_->append(items);  // before its items' lines: who reads one finds the evidence
  items_->append(sequence, items);
  committed_.items += items.size();
  committed_.rows += rows.rank == 0 ? 0 : static_cast<std::uint64_t>(rows.shape[0]);
  for (const ItemRecord& item : items) {
    if (!item.ok()) ++committed_.errors[std::string(to_string(item.error))];
  }
}

void RunOutput::finish() {
  if (!items_) return;
  std::exception_ptr first;
  const auto attempt = [&first](auto&& step) {
    try {
      step();
    } catch (const Error&) {
      if (!first) first = std::current_exception();
    }
  };
  if (tensors_) attempt([this] { tensors_->finish(); });
  attempt([this] { items_->finish(); });
  if (!sheet_written_.valid() && sheet_->tiles() > 0) begin_sheet();
  if (sheet_written_.valid()) attempt([this] { sheet_written_.get(); });
  if (first) std::rethrow_exception(first);
}

void RunOutput::write_summary(const RunSummary& summary) {
  const OutputFile file(folder_.file(summary_name), bytes_of(summary_json(summary)));
}

/// Beside the run, which must not wait for a picture of itself. A full sheet takes no more tiles, so it is
/// only read.
void RunOutput::begin_sheet() {
  sheet_written_ = std::async(std::launch::async, [path = folder_.file(sheet_name), sheet = &*sheet_] {
    const OutputFile file(path, sheet->png());
  });
}

}  // namespace forebay
