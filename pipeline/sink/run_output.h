#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "device/ops/finish.h"
#include "pipeline/batch.h"
#include "pipeline/sink/commit_log.h"
#include "pipeline/sink/contact_sheet.h"
#include "pipeline/sink/items_log.h"
#include "pipeline/sink/npy_file.h"
#include "pipeline/sink/output_folder.h"
#include "pipeline/sink/quarantine_log.h"
#include "pipeline/sink/resume_point.h"
#include "pipeline/sink/summary.h"

namespace forebay {

/// What is to be done about what lies in the folder. fresh: refuse it. overwrite: take its place. resume: go
/// on with it; as fresh where there is nothing.
enum class OutputStart : std::uint8_t { fresh, overwrite, resume };

/// What a run wants of its files.
struct OutputPlan {
  FinishOptions finish;                        ///< how rows are made
  bool tensors = true;                         ///< write tensors.npy
  std::optional<std::uint64_t> expected_rows;  ///< at most so many, over all sessions
  std::string source_identity;                 ///< see DoneItems
  LineKeys keys = LineKeys::plain;             ///< of items.jsonl
  std::string manifest;                        ///< see RunManifest; kept in commit.log
  bool durable = false;  ///< a batch is on the disk before it counts as done, the log's record included
  bool retry_failed =
      false;  ///< an item that fails ends the run, and is not done: a resumed one tries it again
};

/// The files of one run in one folder: tensors.npy, items.jsonl, contact_sheet.png, summary.json, commit.log,
/// and quarantine.jsonl where there is something to put there. Each batch is committed in the order rows,
/// header, quarantine, lines, log; so after the death of any process every line of items.jsonl has its row,
/// and whatever the log counts is there. Not thread-safe.
class RunOutput {
 public:
  static constexpr std::string_view tensors_name = "tensors.npy";
  static constexpr std::string_view items_name = "items.jsonl";
  static constexpr std::string_view summary_name = "summary.json";
  static constexpr std::string_view sheet_name = "contact_sheet.png";
  static constexpr std::string_view quarantine_name = "quarantine.jsonl";
  static constexpr std::string_view log_name = "commit.log";
  static constexpr std::array<std::string_view, 6> names{tensors_name, items_name,      summary_name,
                                                         sheet_name,   quarantine_name, log_name};

  /// Takes the folder, and touches no file in it yet. Throws as OutputFolder does; resume: also as
  /// find_resume_point() does, and Error(usage) where there are results but no log.
  RunOutput(const std::filesystem::path& folder, OutputStart start);

  /// Where an earlier run can go on; none: this run begins afresh.
  [[nodiscard]] const std::optional<ResumePoint>& resume_point() const noexcept { return resume_; }

  /// Resumes, or removes what a former run left under these names and creates the files. Throws Error(io |
  /// no_space | environment); resume: Error(usage) where a file is not what its log says.
  void begin(OutputPlan plan);
  [[nodiscard]] bool begun() const noexcept { return items_.has_value(); }

  /// Commits a batch; from when `overdue` says so, only as much of it as is finished, and false: the last
  /// call then. Blocks. Throws Error(no_space | io | protocol): what was committed before stays valid.
  bool append(const Batch& batch, const std::function<bool()>& overdue = {});

  /// Cuts tensors.npy to its rows and completes items.jsonl and the contact sheet. To be called once, also
  /// after append() has thrown. Does all that can be done, then throws the first Error(no_space | io).
  void finish();

  /// Writes summary.json, in one step. Throws Error(no_space | io).
  void write_summary(const RunSummary& summary);

  /// Says in the log that nothing is left to do. The last call. Throws Error(no_space | io).
  void complete();

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }

  /// What append() has committed, and former sessions. `watermark` and what follows are not kept up to date.
  [[nodiscard]] const CommitState& committed() const noexcept { return committed_; }

 private:
  void create();
  void reopen();
  void commit(std::span<const ItemRecord> items);
  void write_lines(std::span<const ItemRecord> items);
  void record(std::span<const ItemRecord> items);
  void log(CommitRecord record);
  void restore_sheet();
  void begin_sheet();

  OutputFolder folder_;
  OutputPlan plan_;
  std::optional<ResumePoint> resume_;
  std::optional<NpyFile> tensors_;
  std::optional<ItemsLog> items_;
  std::optional<QuarantineLog> quarantine_;
  std::optional<CommitLog> log_;
  std::optional<ContactSheet> sheet_;
  CommitState committed_;    // in the files
  CommitState logged_;       // in the log: the same, but for what --on-error fail leaves for another try
  bool logging_ = true;      // no such item so far
  bool sheet_kept_ = false;  // a former session's is the one
  std::future<void> sheet_written_;  // valid once the sheet is on its way; last: its thread reads sheet_
};

}  // namespace forebay
