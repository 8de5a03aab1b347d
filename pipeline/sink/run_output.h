#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "device/ops/finish.h"
#include "pipeline/batch.h"
#include "pipeline/sink/contact_sheet.h"
#include "pipeline/sink/items_log.h"
#include "pipeline/sink/npy_file.h"
#include "pipeline/sink/output_folder.h"
#include "pipeline/sink/quarantine_log.h"
#include "pipeline/sink/summary.h"

namespace forebay {

/// The files of one run in one folder: tensors.npy, items.jsonl, contact_sheet.png, summary.json, and
/// quarantine.jsonl where there is something to put there. Each batch is committed in the order rows, header,
/// lines; so after the death of any process every line of items.jsonl has its row. Not thread-safe.
class RunOutput {
 public:
  static constexpr std::string_view tensors_name = "tensors.npy";
  static constexpr std::string_view items_name = "items.jsonl";
  static constexpr std::string_view summary_name = "summary.json";
  static constexpr std::string_view sheet_name = "contact_sheet.png";
  static constexpr std::string_view quarantine_name = "quarantine.jsonl";
  static constexpr std::array<std::string_view, 5> names{tensors_name, items_name, summary_name, sheet_name,
                                                         quarantine_name};

  /// Takes the folder, and touches no file in it yet. Throws as OutputFolder does.
  RunOutput(const std::filesystem::path& folder, bool force) : folder_(folder, names, force) {}

  /// Removes what a former run left under these names and creates the files. `tensors`: write tensors.npy.
  /// Throws Error(io | no_space | environment).
  void begin(const FinishOptions& finish, bool tensors, std::optional<std::uint64_t> expected_rows);

  /// Commits a batch; from when `overdue` says so, only as much of it as is finished, and false: the last
  /// call then. Blocks. Throws Error(no_space | io | protocol): what was committed before stays valid.
  bool append(const Batch& batch, const std::function<bool()>& overdue = {});

  /// Cuts tensors.npy to its rows and completes items.jsonl and the contact sheet. To be called once, also
  /// after append() has thrown. Does all that can be done, then throws the first Error(no_space | io).
  void finish();

  /// Writes summary.json, in one step. Throws Error(no_space | io).
  void write_summary(const RunSummary& summary);

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }

  /// What append() has committed.
  struct Committed {
    std::uint64_t items = 0;
    std::uint64_t rows = 0;
    std::map<std::string, std::uint64_t> errors;  // code -> count
  };
  [[nodiscard]] const Committed& committed() const noexcept { return committed_; }

 private:
  void commit(std::uint64_t sequence, std::span<const ItemRecord> items, const TensorView& rows);
  void begin_sheet();

  OutputFolder folder_;
  std::optional<NpyFile> tensors_;
  std::optional<ItemsLog> items_;
  std::optional<QuarantineLog> quarantine_;
  std::optional<ContactSheet> sheet_;
  Committed committed_;
  std::future<void> sheet_written_;  // valid once the sheet is on its way; last: its thread reads sheet_
};

}  // namespace forebay
