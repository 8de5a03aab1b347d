#include "pipeline/cli/run_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <optional>

#include "host/error.h"
#include "host/process/process_info.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/report.h"
#include "pipeline/cli/run_guard.h"
#include "pipeline/cli/signals.h"
#include "pipeline/cli/source_handle.h"
#include "pipeline/cli/stopwatch.h"
#include "pipeline/pipeline.h"
#include "pipeline/sink/run_output.h"
#include "pipeline/source/peeked_source.h"

namespace forebay::cli {
namespace {

/// What is left of a run when its pipeline is gone.
struct Outcome {
  RunSummary summary;
  std::string source_note;             // what the sources left out
  std::optional<ItemRecord> bad_item;  // that ended the run, under --on-error fail
  std::exception_ptr error;            // that ended the run
  bool sink_cut = false;               // a batch was written in part: interrupted even if it was the last
};

std::shared_ptr<PeekedSource> open_pictures(const std::vector<std::string>& names) {
  auto source = std::make_shared<PeekedSource>(open_sources(names));
  if (source->empty()) {
    const std::string note = source->note();
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    throw Error(ErrorCode::usage,
                fmt::format("no pictures in {}{}", all, note.empty() ? "" : fmt::format(" ({})", note)));
  }
  return source;
}

/// --sink none: reads every byte of a batch, as a consumer would, and keeps nothing.
void read_batch(const Batch& batch) {
  const auto* bytes = static_cast<const unsigned char*>(batch.tensor().data);
  const std::size_t size = batch.rows() == 0 ? 0 : batch.tensor().bytes();
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += bytes[i];
  static std::atomic<unsigned> seen;  // so that the compiler cannot leave the reading out
  seen.store(sum, std::memory_order_relaxed);
}

/// Takes every batch. What ends the loop early is left in `outcome`.
void consume(Pipeline& pipeline, RunOutput* output, const RunGuard& guard, Outcome& outcome, bool tensors) {
  Stopwatch sink;
  const auto overdue = [&guard] { return guard.overdue(); };
  try {
    while (const std::optional<Batch> batch = pipeline.next()) {
      const auto lap = sink.lap();
      if (!tensors) read_batch(*batch);
      if (output != nullptr && !output->append(*batch, overdue)) {
        outcome.sink_cut = true;
        break;
      }
    }
    while (pipeline.next()) {  // after a break: to the end, which is near
    }
  } catch (const Error& error) {
    outcome.error = std::current_exception();
    outcome.summary.failure = error.what();
    pipeline.stop();
  }
  outcome.summary.sink_busy_s = sink.seconds();
}

void take_result(const Pipeline& pipeline, const Source& source, Outcome& outcome) {
  RunSummary& summary = outcome.summary;
  summary.stats = pipeline.stats();
  summary.interrupted = pipeline.interrupted();
  for (const std::string& note : pipeline.notes()) summary.notes.push_back(note);
  outcome.source_note = source.note();
  if (!outcome.source_note.empty()) summary.notes.push_back(outcome.source_note);
  outcome.bad_item = pipeline.failure();
  if (outcome.bad_item) summary.failure = failure_text(*outcome.bad_item);
  summary.coordinator_pid = ::getpid();
  summary.coordinator_peak_rss_bytes = peak_rss_bytes(::getpid()).value_or(0);
}

/// Starts the pipeline, drains it, and lets it go again: no process of it is left afterwards.
Outcome run_pipeline(const RunArguments& arguments, const std::shared_ptr<PeekedSource>& source,
                     RunOutput* output, Console& console, RunGuard& guard) {
  Outcome outcome;
  outcome.summary.options = arguments.options;
  outcome.summary.sources = arguments.sources;
  outcome.summary.sink = arguments.write_tensors ? "npy" : "none";
  PipelineConfig config;
  config.source = std::make_unique<SourceHandle>(source);
  config.options = arguments.options;
  std::optional<std::uint64_t> expected = source->size_hint();
  if (sampling_of(arguments.options).needs_all()) expected.reset();
  if (arguments.options.limit) expected = std::min(expected.value_or(UINT64_MAX), *arguments.options.limit);
  Pipeline pipeline(std::move(config));
  guard.watch(&pipeline);
  try {
    FinishOptions finish = arguments.options.finish;
    finish.height = finish.width = arguments.options.prepare.crop;
    if (output != nullptr) output->begin(finish, arguments.write_tensors, expected);
    std::optional<Progress> progress;
    if (!arguments.quiet) {
      for (const std::string& note : pipeline.notes()) console.line(note);
      progress.emplace(console, pipeline, arguments.sources, arguments.options);
    }
    consume(pipeline, output, guard, outcome, arguments.write_tensors);
  } catch (...) {
    guard.watch(nullptr);
    throw;
  }
  guard.watch(nullptr);
  take_result(pipeline, *source, outcome);
  return outcome;
}

/// Completes the files; an error on the way counts unless the run had one before.
void finish_output(RunOutput& output, Outcome& outcome) {
  const auto attempt = [&outcome](auto&& step) {
    try {
      step();
    } catch (const Error& error) {
      if (outcome.error) return;
      outcome.error = std::current_exception();
      outcome.summary.failure = error.what();
    }
  };
  attempt([&output] { output.finish(); });
  // A batch that was delivered but could not be written does not count.
  const RunOutput::Committed& committed = output.committed();
  outcome.summary.stats.items_done = committed.items;
  outcome.summary.stats.rows = committed.rows;
  outcome.summary.stats.errors = committed.errors;
  outcome.summary.interrupted |= outcome.sink_cut;
  attempt([&] { output.write_summary(outcome.summary); });
}

}  // namespace

ExitCode run_command(const RunArguments& arguments, Console& console) {
  block_stop_signals();
  RunGuard guard(console);
  const std::shared_ptr<PeekedSource> source = open_pictures(arguments.sources);
  std::optional<RunOutput> output;
  if (!arguments.out.empty()) output.emplace(arguments.out, arguments.force);
  RunOutput* const files = output ? &*output : nullptr;
  Outcome outcome = run_pipeline(arguments, source, files, console, guard);
  if (files != nullptr) finish_output(*files, outcome);
  const RunSummary& summary = outcome.summary;
  if (summary.interrupted || outcome.error || outcome.bad_item) {
    console.line(kept_text(summary, files));
  }
  if (!arguments.quiet) print_report(summary, outcome.source_note, files, arguments.json, console);
  if (arguments.json) print_json(summary);
  if (outcome.error) std::rethrow_exception(outcome.error);
  if (outcome.bad_item) {
    console.line(failure_text(*outcome.bad_item));
    return ExitCode::item_failed;
  }
  return summary.interrupted ? ExitCode::interrupted : ExitCode::done;
}

}  // namespace forebay::cli
