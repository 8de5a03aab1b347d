#include "pipeline/cli/run_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <optional>

#include "host/error.h"
#include "host/process/process_info.h"
#include "pipeline/cli/output_watch.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/report.h"
#include "pipeline/cli/resume_check.h"
#include "pipeline/cli/run_guard.h"
#include "pipeline/cli/run_needs.h"
#include "pipeline/cli/signals.h"
#include "pipeline/cli/source_handle.h"
#include "pipeline/cli/stopwatch.h"
#include "pipeline/pipeline.h"
#include "pipeline/sink/run_manifest.h"
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
void consume(Pipeline& pipeline, RunOutput* output, const RunGuard& guard, OutputWatch& watch,
             Outcome& outcome, bool tensors) {
  Stopwatch sink;
  const auto fail = [&](std::exception_ptr error, const char* why) {
    outcome.error = std::move(error);
    outcome.summary.failure = why;
    pipeline.stop();
  };
  const auto overdue = [&guard] { return guard.overdue(); };
  try {
    while (const std::optional<Batch> batch = pipeline.next()) {
      const auto lap = sink.lap();
      const WaitBoard::Entry wait = watch.enter();
      if (!tensors) read_batch(*batch);
      if (output != nullptr && !output->append(*batch, overdue)) {
        outcome.sink_cut = true;
        break;
      }
    }
    while (pipeline.next()) {  // after a break: to the end, which is near
    }
  } catch (const Error& error) {
    fail(std::current_exception(), error.what());
  } catch (const std::bad_alloc&) {
    const Error error(ErrorCode::no_memory, "out of memory; lower --workers, --slots, --slot-mb or --batch");
    fail(std::make_exception_ptr(error), error.what());
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

OutputPlan output_plan(const RunArguments& arguments, const Source& source, const RunManifest& manifest) {
  OutputPlan plan;
  plan.finish = arguments.options.finish;
  plan.finish.height = plan.finish.width = arguments.options.prepare.crop;
  plan.tensors = arguments.write_tensors;
  plan.expected_rows = source.size_hint();
  if (sampling_of(arguments.options).needs_all()) plan.expected_rows.reset();
  if (arguments.options.limit)
    plan.expected_rows = std::min(plan.expected_rows.value_or(UINT64_MAX), *arguments.options.limit);
  plan.source_identity = source.identity();
  plan.keys = sampling_of(arguments.options).plain() ? LineKeys::plain : LineKeys::sampled;
  plan.manifest = manifest.json();
  plan.durable = arguments.durable;
  plan.retry_failed = arguments.options.on_error == OnError::fail;
  return plan;
}

/// A source that is not the resumed run's any more is refused, with the first entry that differs.
Pipeline start_pipeline(PipelineConfig config, const RunArguments& arguments, const RunOutput* output) {
  const bool resumed = output != nullptr && output->resume_point();
  try {
    return Pipeline(std::move(config));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::usage || !resumed) throw;
    throw Error(ErrorCode::usage, changed_sources_text(error.what(), arguments, *output->resume_point()));
  }
}

/// Starts the pipeline, drains it, and lets it go again: no process of it is left afterwards.
Outcome run_pipeline(const RunArguments& arguments, const RunManifest& manifest,
                     const std::shared_ptr<PeekedSource>& source, RunOutput* output, Console& console,
                     RunGuard& guard, OutputWatch& watch) {
  Outcome outcome;
  outcome.summary.options = arguments.options;
  outcome.summary.sources = arguments.sources;
  outcome.summary.sink = arguments.write_tensors ? "npy" : "none";
  const OutputPlan plan = output_plan(arguments, *source, manifest);
  const bool resumed = output != nullptr && output->resume_point();
  PipelineConfig config;
  config.source = std::make_unique<SourceHandle>(source);
  config.options = arguments.options;
  if (resumed) config.done = output->resume_point()->done();
  Pipeline pipeline = start_pipeline(std::move(config), arguments, output);
  guard.watch(&pipeline);
  try {
    if (output != nullptr) {
      const WaitBoard::Entry wait = watch.enter();
      output->begin(plan);
    }
    std::optional<Progress> progress;
    if (!arguments.quiet) {
      for (const std::string& note : pipeline.notes()) console.line(note);
      progress.emplace(console, pipeline, arguments.sources, arguments.options);
    }
    consume(pipeline, output, guard, watch, outcome, arguments.write_tensors);
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
  RunSummary& summary = outcome.summary;
  const auto attempt = [&](auto&& step) {
    try {
      step();
    } catch (const Error& error) {
      if (outcome.error) return;
      outcome.error = std::current_exception();
      summary.failure = error.what();
    }
  };
  attempt([&output] { output.finish(); });
  // A batch that was delivered but could not be written does not count; what former sessions wrote does.
  const CommitState& committed = output.committed();
  summary.stats.items_done = committed.items;
  summary.stats.rows = committed.rows;
  summary.stats.errors = committed.errors;
  summary.stats.warnings = committed.warnings;
  summary.sessions = committed.session;
  if (output.resume_point()) summary.resumed_at = output.resume_point()->state->items;
  summary.interrupted |= outcome.sink_cut;
  attempt([&] { output.write_summary(summary); });
  if (!summary.interrupted && !outcome.error && !outcome.bad_item) attempt([&] { output.complete(); });
}

/// A run that has nothing left to do says so, and touches nothing.
ExitCode say_complete(const RunArguments& arguments, const RunOutput& output) {
  const CommitState& state = output.committed();
  if (arguments.json) {
    std::ifstream summary(output.folder() / RunOutput::summary_name);
    print_to_stdout({std::istreambuf_iterator<char>(summary), {}});
  } else if (!arguments.quiet) {
    print_to_stdout(fmt::format("{} is complete: {} rows of {} items; nothing is left to do\n",
                                output.folder().string(), state.rows, state.items));
  }
  return ExitCode::done;
}

OutputStart output_start(const RunArguments& arguments) {
  if (arguments.resume) return OutputStart::resume;
  return arguments.force ? OutputStart::overwrite : OutputStart::fresh;
}

}  // namespace

ExitCode run_command(const RunArguments& arguments, Console& console) {
  block_stop_signals();
  RunGuard guard(console);
  const std::shared_ptr<PeekedSource> source = open_pictures(arguments.sources);
  admit_output(arguments, source->size_hint());
  const RunManifest manifest(arguments.options, arguments.write_tensors, arguments.sources);
  OutputWatch watch(console, !arguments.quiet && !arguments.out.empty());
  std::optional<RunOutput> output;
  if (!arguments.out.empty()) {
    const WaitBoard::Entry wait = watch.enter();
    output.emplace(arguments.out, output_start(arguments));
  }
  RunOutput* const files = output ? &*output : nullptr;
  std::string version_note;
  if (files != nullptr && files->resume_point()) {
    version_note = check_resume(arguments, manifest, *files->resume_point());
    if (is_complete(arguments, *files->resume_point())) return say_complete(arguments, *files);
    if (!version_note.empty()) console.line(version_note);
  }
  Outcome outcome = run_pipeline(arguments, manifest, source, files, console, guard, watch);
  RunSummary& summary = outcome.summary;
  if (!version_note.empty()) summary.notes.push_back(version_note);
  if (files != nullptr) {
    const WaitBoard::Entry wait = watch.enter();
    finish_output(*files, outcome);
  }
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
