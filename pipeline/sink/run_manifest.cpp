#include "pipeline/sink/run_manifest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "host/error.h"
#include "pipeline/sink/versions.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Settings = std::vector<std::pair<std::string, std::string>>;

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

std::string triple(const std::array<float, 3>& values) {
  return fmt::format("{},{},{}", values[0], values[1], values[2]);
}

/// Every option that decides a bit of tensors.npy or items.jsonl, or the order of the rows. Not: batch (but
/// for --last-batch), workers, device, placement, slots and limits of an attempt, which decide none;
/// --on-error, --limit and --epochs (beyond the first), which decide how far a run comes. A new option is one
/// more line here: in manifests that lack it, it has its default.
Settings settings_of(const PipelineOptions& options, bool tensors) {
  Settings settings{{"--shuffle", yes_or_no(options.shuffle)},
                    {"--shard", fmt::format("{}/{}", options.shard, options.shards)},
                    {"--last-batch", std::string(to_string(options.last_batch))},
                    {"--resize", std::to_string(options.prepare.resize)},
                    {"--crop", std::to_string(options.prepare.crop)},
                    {"--filter", std::string(to_string(options.prepare.filter))},
                    {"--augment", options.prepare.augment == Augment::train ? "train" : "none"},
                    {"--seed", std::to_string(options.prepare.seed)},
                    {"--no-exif", yes_or_no(!options.decode.apply_exif)},
                    {"--decode", options.decode.whole() ? "whole" : "needed"},
                    {"--strict", yes_or_no(options.decode.strict)},
                    {"--mean", triple(options.finish.mean)},
                    {"--std", triple(options.finish.std)},
                    {"--dtype", std::string(to_string(options.finish.dtype))},
                    {"--layout", std::string(to_string(options.finish.layout))},
                    {"--order", options.order == Order::completion ? "completion" : "index"},
                    {"--sink", tensors ? "npy" : "none"}};
  if (options.last_batch != LastBatch::partial)
    settings.emplace_back("--batch", std::to_string(options.batch));
  // Nothing else says whether lines have the keys of a plan that is no plain one.
  PipelineOptions one_epoch = options;
  one_epoch.epochs = 1;
  if (sampling_of(one_epoch).plain())
    settings.emplace_back("--epochs", options.epochs == 1 ? "1" : "2 or more");
  return settings;
}

const std::string* value_of(const Settings& settings, std::string_view option) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [option](const auto& setting) { return setting.first == option; });
  return found == settings.end() ? nullptr : &found->second;
}

std::string joined(std::string text, const std::string& more) {
  return text.empty() ? more : std::move(text) + ", " + more;
}

/// Two runs with the same options are two runs: their logs' identities differ by this.
std::string now_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("{}-{}", std::chrono::duration_cast<std::chrono::nanoseconds>(now).count(), ::getpid());
}

}  // namespace

RunManifest::RunManifest(const PipelineOptions& options, bool tensors, std::vector<std::string> sources)
    : options_(settings_of(options, tensors)),
      sources_(std::move(sources)),
      versions_(component_versions()),
      begun_(now_text()) {}

RunManifest RunManifest::parse(const std::string& text) {
  RunManifest manifest;
  try {
    const Json json = Json::parse(text);
    for (const auto& [option, value] : json.at("options").items())
      manifest.options_.emplace_back(option, value.get<std::string>());
    manifest.sources_ = json.at("sources").get<std::vector<std::string>>();
    manifest.versions_ = json.at("versions").get<std::map<std::string, std::string>>();
    manifest.begun_ = json.at("begun").get<std::string>();
  } catch (const Json::exception&) {
    throw Error(
        ErrorCode::usage,
        "commit.log does not say how its run was started, as this Forebay would; --force starts afresh");
  }
  return manifest;
}

std::string RunManifest::json() const {
  Json json;
  json["begun"] = begun_;
  json["versions"] = versions_;
  for (const auto& [option, value] : options_) json["options"][option] = value;
  json["sources"] = sources_;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string RunManifest::difference(const RunManifest& former) const {
  static const Settings defaults = settings_of(PipelineOptions{}, true);
  std::string text;
  for (const auto& [option, value] : options_) {
    const std::string* was = value_of(former.options_, option);
    if (was == nullptr) was = value_of(defaults, option);
    if (was != nullptr && *was != value) {
      text = joined(std::move(text), fmt::format("{} {} (now {})", option, *was, value));
    }
  }
  for (const auto& [option, was] : former.options_) {
    // Without --last-batch a batch decides nothing; that these differ is said already. So with epochs.
    if (value_of(options_, option) == nullptr && option != "--batch" && option != "--epochs")
      text = joined(std::move(text), fmt::format("{} {} (unknown to this Forebay)", option, was));
  }
  return text;
}

std::string RunManifest::version_difference(const RunManifest& former) const {
  std::string text;
  for (const auto& [name, version] : versions_) {
    const auto was = former.versions_.find(name);
    const std::string before = was == former.versions_.end() ? "unknown" : was->second;
    if (before != version)
      text = joined(std::move(text), fmt::format("{} {} (now {})", name, before, version));
  }
  return text;
}

}  // namespace forebay
