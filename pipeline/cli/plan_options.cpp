#include "pipeline/cli/plan_options.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>

#include "pipeline/cli/option_values.h"

namespace forebay::cli {
namespace {

constexpr const char* plan_group = "Which pictures";

/// "2/8": the third of eight.
void set_shard(PipelineOptions& options, const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos)
    throw CLI::ValidationError("--shard", fmt::format("must be I/N, as 0/4, not '{}'", text));
  const std::uint64_t shards = parse_whole("--shard I/N", text.substr(slash + 1), 1, UINT32_MAX);
  const std::uint64_t shard = parse_whole("--shard I/N", text.substr(0, slash), 0, UINT32_MAX);
  if (shard >= shards) {
    throw CLI::ValidationError(
        "--shard", fmt::format("counts from 0: of {} shards the last is {}/{}, not '{}'", shards, shards - 1,
                               shards, text));
  }
  options.shard = static_cast<std::uint32_t>(shard);
  options.shards = static_cast<std::uint32_t>(shards);
}

}  // namespace

void add_plan_options(CLI::App& app, PipelineOptions& options) {
  constexpr std::array<Choice<LastBatch>, 3> last_batches{
      {{"partial", LastBatch::partial}, {"drop", LastBatch::drop}, {"pad", LastBatch::pad}}};
  add_whole(app, "--limit", "Take at most so many pictures, over all epochs", 0, UINT64_MAX,
            [&options](std::uint64_t items) { options.limit = items; })
      ->group(plan_group);
  add_whole(app, "--epochs", "Times through all pictures", 1, UINT32_MAX,
            [&options](std::uint64_t epochs) { options.epochs = static_cast<std::uint32_t>(epochs); })
      ->default_str("1")
      ->group(plan_group);
  app.add_flag("--shuffle", options.shuffle, "Another order in every epoch, decided by --seed")
      ->group(plan_group);
  app.add_option_function<std::string>(
         "--shard", [&options](const std::string& text) { set_shard(options, text); },
         "Every Nth picture (after --shuffle), from number I on, which counts from 0")
      ->type_name("I/N")
      ->default_str("0/1")
      ->group(plan_group);
  add_choice(app, "--last-batch",
             "The last batch of an epoch: short, left out, or filled with its last picture", last_batches,
             [&options](LastBatch last) { options.last_batch = last; })
      ->default_str("partial")
      ->group(plan_group);
}

}  // namespace forebay::cli
