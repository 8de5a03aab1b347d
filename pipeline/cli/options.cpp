#include "pipeline/cli/options.h"

#include <fmt/format.h>

#include <cmath>

#include "host/error.h"
#include "host/limits.h"
#include "pipeline/cli/option_values.h"
#include "pipeline/cli/plan_options.h"

namespace forebay::cli {
namespace {

constexpr const char* pictures_group = "Pictures";
constexpr const char* result_group = "Result";
constexpr const char* run_group = "How it runs";
constexpr const char* output_group = "Output";
constexpr double mib_bytes = 1 << 20;
constexpr std::uint64_t any_number = UINT64_MAX;

const char* const run_footer = R"(Examples:
  forebay run photos/ --out t/                            every picture below photos/, as for a ResNet
  forebay run @list.txt --out t/ --augment train --seed 1 random crops and flips, reproducible
  forebay run photos/ --out t/ --epochs 3 --shuffle       three orders, each with every picture once
  forebay run a.jpg b/ --out t/ --dtype u8 --layout nhwc  plain pixels, not normalised
  forebay run photos/ --sink none --json                  measure: every batch is read and dropped

A SOURCE is a file, a folder (recursive, sorted; each sub-folder is a label) or @list.txt (a path a line,
relative to the current folder, then a tab and a label if wanted). DIR receives tensors.npy, items.jsonl (a
line per picture), summary.json, contact_sheet.png and commit.log (what is done); and quarantine.jsonl, the
evidence, where a picture ended its worker or exceeded a limit in --attempts attempts. bf16 is stored in
tensors.npy as its bits, '<u2', for NumPy has no such type.

Shards are taken from the (shuffled) list in turn; with --last-batch drop or pad all have equally many
pictures.

A run that was killed, or stopped, or found the disk full goes on with the same command and --resume:
DIR/commit.log says what is done. What decides the bits must be the same, --workers, --batch, --device and
the like need not be.

`forebay doctor run` with the same arguments says what the run takes, what there is, and what to change.

Exit codes: 0 done; 1 a picture failed under --on-error fail; 2 wrong usage; 3 the machine refuses (no such
device, too little memory, too few open files, no space); 130 interrupted: what was finished is kept, and
said.)";

void add_picture_options(CLI::App& app, PipelineOptions& options) {
  constexpr std::array<Choice<Filter>, 5> filters{{{"bilinear", Filter::bilinear},
                                                   {"bicubic", Filter::bicubic},
                                                   {"lanczos", Filter::lanczos},
                                                   {"box", Filter::box},
                                                   {"nearest", Filter::nearest}}};
  constexpr std::array<Choice<Augment>, 2> augments{{{"none", Augment::none}, {"train", Augment::train}}};
  constexpr std::array<Choice<DecodeMode>, 2> modes{
      {{"needed", DecodeMode::needed}, {"whole", DecodeMode::whole}}};
  PrepareOptions& prepare = options.prepare;
  DecodeOptions& decode = options.decode;
  const auto edge = [](std::uint32_t& pixels) {
    return [&pixels](std::uint64_t value) { pixels = static_cast<std::uint32_t>(value); };
  };
  add_whole(app, "--resize", "Shorter edge after scaling, in pixels", 1, limits::result_edge_max,
            edge(prepare.resize))
      ->default_str("256")
      ->group(pictures_group);
  add_whole(app, "--crop", "Edge of the square cut from the centre, in pixels", 1, limits::result_edge_max,
            edge(prepare.crop))
      ->default_str("224")
      ->group(pictures_group);
  add_choice(app, "--filter", "How pixels are resampled, with Pillow's bits", filters,
             [&prepare](Filter filter) { prepare.filter = filter; })
      ->default_str("bilinear")
      ->group(pictures_group);
  add_choice(app, "--augment", "train: random resized crop and flip instead of resize and crop", augments,
             [&prepare](Augment augment) { prepare.augment = augment; })
      ->default_str("none")
      ->group(pictures_group);
  add_whole(app, "--seed", "Of the random numbers: same seed, same bits, whoever works", 0, any_number,
            [&prepare](std::uint64_t seed) { prepare.seed = seed; })
      ->default_str("0")
      ->group(pictures_group);
  app.add_flag_callback(
         "--no-exif", [&decode] { decode.apply_exif = false; },
         "Leave pictures as stored, whatever their EXIF orientation says")
      ->group(pictures_group);
  add_choice(app, "--decode", "whole: decode every bit of every file, not just what the crop needs", modes,
             [&decode](DecodeMode mode) { decode.mode = mode; })
      ->default_str("needed")
      ->group(pictures_group);
  app.add_flag_callback(
         "--strict", [&decode] { decode.strict = true; },
         "Every warning of a decoder is an error; implies --decode whole")
      ->group(pictures_group);
}

/// Three numbers, one for each of red, green and blue.
CLI::Option* add_triple(CLI::App& app, const std::string& name, const std::string& help, bool positive,
                        std::array<float, 3>& values) {
  const auto set = [&values, name, positive](const std::string& text) {
    values = parse_triple(name, text);
    for (const float value : values) {
      if (positive && !(value > 0)) {
        throw CLI::ValidationError(name, fmt::format("must be above 0 in every colour, not '{}'", text));
      }
    }
  };
  return app.add_option_function<std::string>(name, set, help)->type_name("R,G,B")->group(result_group);
}

void add_result_options(CLI::App& app, PipelineOptions& options) {
  constexpr std::array<Choice<DType>, 4> dtypes{
      {{"u8", DType::u8}, {"f16", DType::f16}, {"bf16", DType::bf16}, {"f32", DType::f32}}};
  constexpr std::array<Choice<Layout>, 2> layouts{{{"nchw", Layout::nchw}, {"nhwc", Layout::nhwc}}};
  add_triple(app, "--mean", "Subtracted from the values 0..1", false, options.finish.mean)
      ->default_str("0.485,0.456,0.406");
  add_triple(app, "--std", "Divided by, after --mean", true, options.finish.std)
      ->default_str("0.229,0.224,0.225");
  add_choice(app, "--dtype", "Type of a value; u8 is the plain pixel, not normalised", dtypes,
             [&options](DType dtype) { options.finish.dtype = dtype; })
      ->default_str("f32")
      ->group(result_group);
  add_choice(app, "--layout", "Planar or interleaved colours", layouts,
             [&options](Layout layout) { options.finish.layout = layout; })
      ->default_str("nchw")
      ->group(result_group);
  add_whole(app, "--batch", "Pictures of one batch", 1, limits::batch_items_max,
            [&options](std::uint64_t items) { options.batch = static_cast<std::uint32_t>(items); })
      ->default_str("64")
      ->group(result_group);
}

void set_device(PipelineOptions& options, const std::string& text) {
  constexpr std::string_view cuda = "cuda";
  if (text == "auto") {
    options.device = DeviceChoice::automatic;
  } else if (text == "cpu") {
    options.device = DeviceChoice::cpu;
  } else if (text.starts_with(cuda) && (text.size() == cuda.size() || text[cuda.size()] == ':')) {
    options.device = DeviceChoice::cuda;
    constexpr std::uint64_t ordinal_max = 1023;
    const std::string number = text.size() == cuda.size() ? "0" : text.substr(cuda.size() + 1);
    options.device_ordinal =
        static_cast<std::int32_t>(parse_whole("--device cuda:N", number, 0, ordinal_max));
  } else {
    reject_choice("--device", text, "auto|cpu|cuda:N");
  }
}

void set_slot_mb(PipelineOptions& options, const std::string& text) {
  const double bytes = parse_decimal("--slot-mb", text) * mib_bytes;
  if (!(bytes >= 1) || bytes > static_cast<double>(limits::slot_bytes_max)) {
    throw CLI::ValidationError("--slot-mb", fmt::format("must be above 0 and at most {}, not '{}'",
                                                        limits::slot_bytes_max >> 20U, text));
  }
  constexpr std::uint64_t page_bytes = 4096;
  const auto whole = static_cast<std::uint64_t>(std::ceil(bytes));
  options.slot_bytes = (whole + page_bytes - 1) / page_bytes * page_bytes;
}

void set_item_timeout(PipelineOptions& options, const std::string& text) {
  const double seconds = parse_decimal("--item-timeout", text);
  const std::chrono::duration<double> least = limits::item_timeout_min;
  const std::chrono::duration<double> most = limits::item_timeout_max;
  if (!(seconds >= least.count()) || seconds > most.count()) {
    throw CLI::ValidationError("--item-timeout", fmt::format("must be from {} to {} seconds, not '{}'",
                                                             least.count(), most.count(), text));
  }
  options.item_timeout =
      std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

void add_run_behaviour(CLI::App& app, PipelineOptions& options) {
  constexpr std::array<Choice<Placement>, 3> placements{
      {{"auto", Placement::automatic}, {"worker", Placement::worker}, {"owner", Placement::owner}}};
  constexpr std::array<Choice<OnError>, 2> policies{{{"skip", OnError::skip}, {"fail", OnError::fail}}};
  constexpr std::array<Choice<Order>, 2> orders{{{"index", Order::index}, {"completion", Order::completion}}};
  add_whole(app, "--workers", "Processes that decode; 0: one thread of this process, to debug", 0,
            limits::workers_max,
            [&options](std::uint64_t count) { options.workers = static_cast<std::uint32_t>(count); })
      ->default_str("usable cores")
      ->group(run_group);
  app.add_option_function<std::string>(
         "--device", [&options](const std::string& text) { set_device(options, text); },
         "auto: the first CUDA device if there is one, else the cpu")
      ->type_name("auto|cpu|cuda:N")
      ->default_str("auto")
      ->group(run_group);
  add_choice(app, "--placement", "Where pictures are resized; the bits do not depend on it", placements,
             [&options](Placement placement) { options.placement = placement; })
      ->default_str("auto")
      ->group(run_group);
  add_choice(app, "--on-error", "skip: record a bad picture and go on; fail: stop at the first", policies,
             [&options](OnError policy) { options.on_error = policy; })
      ->default_str("skip")
      ->group(run_group);
  add_whole(app, "--attempts",
            "Attempts at a picture that ends its worker or exceeds a limit; then it is left out", 1,
            limits::item_attempts_max,
            [&options](std::uint64_t count) { options.attempts = static_cast<std::uint32_t>(count); })
      ->default_str(std::to_string(limits::item_attempts))
      ->group(run_group);
  app.add_option_function<std::string>(
         "--item-timeout", [&options](const std::string& text) { set_item_timeout(options, text); },
         "Seconds that one attempt at a picture may take; fractions allowed")
      ->type_name("S")
      ->default_str(std::to_string(limits::worker_silence.count()))
      ->group(run_group);
  add_whole(app, "--item-memory-mb", "MiB of memory that one picture may take beyond what its worker has", 1,
            limits::item_memory_mb_max,
            [&options](std::uint64_t mb) { options.item_memory_bytes = mb << 20U; })
      ->type_name("MB")
      ->default_str("no limit")
      ->group(run_group);
  add_whole(app, "--memory-mb", "MiB for the whole run; fewer workers and slots where these are not given", 1,
            limits::memory_mb_max, [&options](std::uint64_t mb) { options.memory_bytes = mb << 20U; })
      ->type_name("MB")
      ->default_str("what the machine and its cgroups leave")
      ->group(run_group);
  add_choice(app, "--order", "Of the batches; within one, pictures are in order always", orders,
             [&options](Order order) { options.order = order; })
      ->default_str("index")
      ->group(run_group);
  app.add_option_function<std::string>(
         "--slot-mb", [&options](const std::string& text) { set_slot_mb(options, text); },
         "MiB of one slot, the memory that a worker fills; fractions allowed")
      ->type_name("MB")
      ->default_str("from the largest expected picture")
      ->group(run_group);
  add_whole(app, "--slots", "Slots of each worker", limits::slots_per_worker_min,
            limits::slots_per_worker_max,
            [&options](std::uint64_t slots) { options.slots = static_cast<std::uint32_t>(slots); })
      ->group(run_group);
}

void add_output_options(CLI::App& app, RunArguments& arguments) {
  constexpr std::array<Choice<bool>, 2> sinks{{{"npy", true}, {"none", false}}};
  app.add_option("--out", arguments.out, "Folder for the results; created where missing")
      ->type_name("DIR")
      ->group(output_group);
  add_choice(app, "--sink", "none: read every batch and drop it; no tensors.npy", sinks,
             [&arguments](bool tensors) { arguments.write_tensors = tensors; })
      ->default_str("npy")
      ->group(output_group);
  app.add_flag("--force", arguments.force, "Overwrite the results of a former run")->group(output_group);
  app.add_flag("--resume", arguments.resume,
               "Go on with the run that DIR has, where it ended; begin one where there is none")
      ->group(output_group);
  app.add_flag("--durable", arguments.durable,
               "Wait for the disk at every batch: nothing that is done is lost if power fails")
      ->group(output_group);
  app.add_flag("--quiet", arguments.quiet, "No progress and no closing report; errors only")
      ->group(output_group);
  app.add_flag("--json", arguments.json, "Print summary.json to stdout, and nothing else")
      ->group(output_group);
}

}  // namespace

void add_run_options(CLI::App& app, RunArguments& arguments) {
  app.add_option("SOURCE", arguments.sources, "Files, folders, @lists")->required()->type_name("");
  add_plan_options(app, arguments.options);
  add_picture_options(app, arguments.options);
  add_result_options(app, arguments.options);
  add_run_behaviour(app, arguments.options);
  add_output_options(app, arguments);
  app.footer(run_footer);
}

void check_run_arguments(const CLI::App& app, const RunArguments& arguments) {
  if (arguments.options.finish.dtype == DType::u8) {
    for (const char* name : {"--mean", "--std"}) {
      if (app.count(name) > 0) {
        throw Error(
            ErrorCode::usage,
            fmt::format("{} with --dtype u8: plain pixels are not normalised; drop one of them", name));
      }
    }
  }
  if (arguments.out.empty() && (arguments.write_tensors || app.count("--out") > 0)) {
    throw Error(ErrorCode::usage, "--out DIR is missing; only --sink none goes without");
  }
  if (arguments.resume && arguments.force) {
    throw Error(
        ErrorCode::usage,
        "--resume with --force: one goes on with the run in DIR, one starts afresh; drop one of them");
  }
  for (const char* name : {"--resume", "--durable"}) {
    if (arguments.out.empty() && app.count(name) > 0)
      throw Error(ErrorCode::usage, fmt::format("{} without --out DIR: there are no files", name));
  }
}

}  // namespace forebay::cli
