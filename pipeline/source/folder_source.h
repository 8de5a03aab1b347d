#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/source/directory_listing.h"
#include "pipeline/source/source.h"

namespace forebay {

/// The pictures below a folder, in the order of torchvision's ImageFolder: sub-folders of the root by name
/// (each a label); within each, folders by their whole path, files of a folder by name; all bytewise. Files
/// directly in the root come first and have no label.
///
/// Streamed: holds the names of one directory, and the paths of folders seen but not yet read. A folder that
/// cannot be read, or a link to a folder above itself, is noted and passed over.
class FolderSource final : public Source {
 public:
  /// Throws Error(usage) where `root` is not a folder that can be read.
  explicit FolderSource(std::string root);

  [[nodiscard]] std::optional<SourceEntry> next() override;
  /// Takes effect between two entries and while a folder is read; not while the file system does not answer.
  void interrupt() noexcept override { interrupted_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] std::string note() const override;

 private:
  /// A folder and the folders above it: the guard against loops of links.
  struct Lineage {
    DirectoryId id;
    std::shared_ptr<const Lineage> parent;
    [[nodiscard]] bool contains(DirectoryId wanted) const noexcept;
  };
  /// A folder yet to be read: root / label rest, where rest is empty or begins with a slash.
  struct Pending {
    std::string label;
    std::string rest;
    std::shared_ptr<const Lineage> parent;
    friend bool operator>(const Pending& a, const Pending& b) noexcept {
      return a.label != b.label ? a.label > b.label : a.rest > b.rest;
    }
  };

  bool open_next_folder();
  void open(const Pending& folder);
  [[nodiscard]] std::string path_of(const Pending& folder) const;

  std::atomic<bool> interrupted_{false};  // alone: nothing is published with it
  std::string root_;                      // without trailing slashes; empty for "/"
  std::vector<Pending> pending_;          // a heap, the first folder on top
  DirectoryListing listing_;
  std::size_t position_ = 0;  // in listing_.files()
  std::string label_;
  std::string path_;               // of the current entry
  std::size_t prefix_length_ = 0;  // of path_: the folder, with its slash

  std::uint64_t others_ = 0;
  std::uint64_t unreadable_ = 0;
  std::uint64_t loops_ = 0;
  std::string first_unreadable_;
};

}  // namespace forebay
