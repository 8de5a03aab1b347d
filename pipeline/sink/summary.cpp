#include "pipeline/sink/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "pipeline/sink/versions.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

constexpr int indent_columns = 2;

std::string_view to_string(Placement placement) noexcept {
  switch (placement) {
    case Placement::automatic: return "auto";
    case Placement::worker: return "worker";
    case Placement::owner: return "owner";
  }
  return "invalid";
}

std::string device_text(const Device& device) {
  return device.kind == DeviceKind::cuda ? fmt::format("cuda:{}", device.ordinal) : "cpu";
}

std::string device_choice(const PipelineOptions& options) {
  switch (options.device) {
    case DeviceChoice::automatic: return "auto";
    case DeviceChoice::cpu: return "cpu";
    case DeviceChoice::cuda: return fmt::format("cuda:{}", options.device_ordinal);
  }
  return "invalid";
}

/// The shortest decimals that name these floats: 0.485, not 0.48500001430511475.
Json floats_json(const std::array<float, 3>& values) {
  Json json = Json::array();
  for (const float value : values) json.push_back(Json::parse(fmt::format("{}", value)));
  return json;
}

double share(double part, double whole) noexcept { return whole > 0 ? part / whole : 0; }

/// These run in every worker at once, all others in one process.
bool runs_in_workers(std::string_view stage) noexcept {
  constexpr std::array<std::string_view, 4> worker_stages{"read", "decode", "prepare", "host_stage"};
  return std::find(worker_stages.begin(), worker_stages.end(), stage) != worker_stages.end();
}

Json stages_json(const RunSummary& summary) {
  const double seconds = summary.stats.seconds;
  const double workers = static_cast<double>(std::max<std::size_t>(summary.stats.workers.size(), 1));
  Json stages = Json::object();
  for (const auto& [name, busy_s] : summary.stats.stage_busy_s) {
    const double available_s = runs_in_workers(name) ? seconds * workers : seconds;
    stages[name] = {{"busy_s", busy_s}, {"utilisation", share(busy_s, available_s)}};
  }
  stages["sink"] = {{"busy_s", summary.sink_busy_s}, {"utilisation", share(summary.sink_busy_s, seconds)}};
  return stages;
}

Json workers_json(const RunStats& stats) {
  Json workers = Json::array();
  for (const WorkerStats& worker : stats.workers) {
    workers.push_back({{"pid", worker.pid},
                       {"restarts", worker.restarts},
                       {"peak_rss_bytes", worker.peak_rss_bytes},
                       {"busy_s", worker.busy_s}});
  }
  return workers;
}

Json owner_json(const OwnerStats& owner) {
  if (!owner.present) return nullptr;
  return {{"pid", owner.pid},
          {"restarts", owner.restarts},
          {"peak_rss_bytes", owner.peak_rss_bytes},
          {"busy_s", owner.busy_s},
          {"device_name", owner.device_name}};
}

Json notices_json(const RunStats& stats) {
  Json notices = Json::array();
  for (const Notice& notice : stats.notices)
    notices.push_back({{"seconds", notice.seconds}, {"text", notice.text}});
  return notices;
}

/// Every option in force: where one was left to Forebay, what it chose.
Json options_json(const RunSummary& summary) {
  const PipelineOptions& options = summary.options;
  const RunStats& stats = summary.stats;
  Json json;
  json["sources"] = summary.sources;
  json["resize"] = options.prepare.resize;
  json["crop"] = options.prepare.crop;
  json["filter"] = to_string(options.prepare.filter);
  json["augment"] = options.prepare.augment == Augment::train ? "train" : "none";
  json["seed"] = options.prepare.seed;
  json["exif"] = options.decode.apply_exif;
  json["decode"] = options.decode.whole() ? "whole" : "needed";
  json["strict"] = options.decode.strict;
  const bool normalised = options.finish.dtype != DType::u8;
  json["mean"] = normalised ? floats_json(options.finish.mean) : Json(nullptr);
  json["std"] = normalised ? floats_json(options.finish.std) : Json(nullptr);
  json["dtype"] = to_string(options.finish.dtype);
  json["layout"] = to_string(options.finish.layout);
  json["batch"] = options.batch;
  json["workers"] = options.workers ? *options.workers : stats.workers.size();
  json["device"] = device_choice(options);
  json["placement"] = to_string(options.placement);
  json["on_error"] = options.on_error == OnError::fail ? "fail" : "skip";
  json["sink"] = summary.sink;
  json["order"] = options.order == Order::completion ? "completion" : "index";
  json["attempts"] = options.attempts;
  json["item_timeout_s"] =
      std::chrono::duration<double>(options.item_timeout.value_or(limits::worker_silence)).count();
  json["item_memory_bytes"] = options.item_memory_bytes ? Json(*options.item_memory_bytes) : Json(nullptr);
  json["memory_bytes"] = options.memory_bytes ? Json(*options.memory_bytes) : Json(nullptr);
  json["limit"] = options.limit ? Json(*options.limit) : Json(nullptr);
  json["epochs"] = options.epochs;
  json["shuffle"] = options.shuffle;
  json["shard"] = fmt::format("{}/{}", options.shard, options.shards);
  json["last_batch"] = to_string(options.last_batch);
  json["slot_bytes"] = stats.slot_bytes;
  json["slots"] = stats.slots_per_worker;
  return json;
}

}  // namespace

std::string summary_json(const RunSummary& summary) {
  const RunStats& stats = summary.stats;
  Json json;
  json["items"] = stats.items_done;
  json["rows"] = stats.rows;
  json["errors"] = stats.errors.empty() ? Json::object() : Json(stats.errors);
  json["warnings"] = stats.warnings;
  json["sessions"] = summary.sessions;
  json["resumed_at"] = summary.resumed_at ? Json(*summary.resumed_at) : Json(nullptr);
  json["seconds"] = stats.seconds;
  json["items_per_s"] = share(static_cast<double>(stats.items_done - stats.items_before), stats.seconds);
  json["first_batch_s"] = stats.first_batch_s;
  json["decoded_bytes"] = stats.decoded_bytes;
  json["payload_bytes_written"] = stats.payload_bytes_written;
  json["payload_copies"] = stats.payload_copies;
  json["worker_fallbacks"] = stats.worker_fallbacks;
  json["stages"] = stages_json(summary);
  json["device"] = device_text(stats.device);
  json["placement"] = to_string(stats.placement);
  json["workers"] = workers_json(stats);
  json["owner"] = owner_json(stats.owner);
  json["coordinator"] = {{"pid", summary.coordinator_pid},
                         {"peak_rss_bytes", summary.coordinator_peak_rss_bytes}};
  json["memory"] = {{"arena_bytes", stats.arena_bytes},
                    {"slot_bytes", stats.slot_bytes},
                    {"slots_per_worker", stats.slots_per_worker},
                    {"slots_least", stats.slots_least},
                    {"short_s", stats.memory_short_s}};
  json["interrupted"] = summary.interrupted;
  json["failure"] = summary.failure.empty() ? Json(nullptr) : Json(summary.failure);
  json["notes"] = summary.notes;
  json["notices"] = notices_json(stats);
  json["notices_total"] = stats.notices_total;
  json["versions"] = component_versions();
  json["options"] = options_json(summary);
  return json.dump(indent_columns, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace forebay
