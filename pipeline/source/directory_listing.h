#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forebay {

/// True for a name that ends like a picture, in either case: what Forebay decodes, and well-known formats
/// that it does not, so that these are reported as unsupported_format instead of being left out silently.
[[nodiscard]] bool has_picture_suffix(std::string_view name) noexcept;

/// Identity of a directory, whatever path leads to it.
struct DirectoryId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const DirectoryId&, const DirectoryId&) = default;
};

/// The names in one directory, sorted bytewise. Links are followed: a link to a folder is a folder. A link
/// that leads nowhere counts as a file, so that it is reported. Move-only; memory is that of the names.
class DirectoryListing {
 public:
  DirectoryListing() = default;
  /// Opens and reads `path`, until `stop`. Blocks on the file system. Where it cannot be read, error() says
  /// why and the names that were read before are kept. Throws Error(environment | no_memory) where this
  /// process is out of descriptors or memory: no fault of the directory.
  DirectoryListing(const std::string& path, const std::atomic<bool>& stop);

  [[nodiscard]] const std::vector<std::string>& files() const noexcept { return files_; }
  [[nodiscard]] const std::vector<std::string>& folders() const noexcept { return folders_; }
  /// Files whose suffix is no picture's.
  [[nodiscard]] std::uint64_t others() const noexcept { return others_; }
  [[nodiscard]] DirectoryId id() const noexcept { return id_; }
  /// errno of the failure; 0 if there was none.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  void read(int fd, const std::atomic<bool>& stop);

  std::vector<std::string> files_;
  std::vector<std::string> folders_;
  std::uint64_t others_ = 0;
  DirectoryId id_;
  int error_ = 0;
};

}  // namespace forebay
