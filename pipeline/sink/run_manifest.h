#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/options.h"

namespace forebay {

/// What a run was asked for, as far as it decides its results: kept at the head of commit.log, so that a
/// resumed run is held to it. Options have the names of the command line.
class RunManifest {
 public:
  /// `tensors`: --sink npy. The sources are kept for people: whether they are the same is for their entries
  /// to say.
  RunManifest(const PipelineOptions& options, bool tensors, std::vector<std::string> sources);

  /// Throws Error(usage) where `text` is no manifest.
  [[nodiscard]] static RunManifest parse(const std::string& text);
  [[nodiscard]] std::string json() const;

  /// What differs between the `former` and this: "--crop 200 (now 224), --seed 1 (now 2)"; empty if nothing.
  [[nodiscard]] std::string difference(const RunManifest& former) const;
  /// Forebay's version or a library's that differs, for a note; empty if none.
  [[nodiscard]] std::string version_difference(const RunManifest& former) const;

 private:
  RunManifest() = default;

  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string> sources_;
  std::map<std::string, std::string> versions_;
  std::string begun_;
};

}  // namespace forebay
