#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/memory/unique_fd.h"

namespace forebay {

/// The folder that a run writes into, reserved for it: a second run that names the same folder is refused for
/// as long as this one lives. Folders that were created for it and are still empty at the end are removed.
/// Not thread-safe.
class OutputFolder {
 public:
  /// Creates `path`, parents too, unless it exists. Throws Error(usage) where it is no folder, is in use by
  /// another run, or holds one of `files` already and `force` is not set; Error(environment | no_space | io)
  /// where it cannot be created, or no file in it.
  OutputFolder(const std::filesystem::path& path, std::span<const std::string_view> files, bool force);
  OutputFolder(OutputFolder&&) noexcept = default;
  OutputFolder& operator=(OutputFolder&&) = delete;
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  /// To the disk: which files there are. Blocks. Throws Error(io).
  void sync();

  /// What the constructor refuses before it touches anything. Throws Error(usage).
  static void check(const std::filesystem::path& path, std::span<const std::string_view> files, bool force);

  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void create();
  void lock();
  void probe() const;
  void remove_created() const noexcept;

  std::filesystem::path path_;
  std::vector<std::filesystem::path> created_;  // outermost first
  UniqueFd lock_;
};

}  // namespace forebay
