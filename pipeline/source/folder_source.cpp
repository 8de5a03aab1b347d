#include "pipeline/source/folder_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <system_error>
#include <utility>

#include "host/error.h"

namespace forebay {

bool FolderSource::Lineage::contains(DirectoryId wanted) const noexcept {
  for (const Lineage* folder = this; folder != nullptr; folder = folder->parent.get()) {
    if (folder->id == wanted) return true;
  }
  return false;
}

FolderSource::FolderSource(std::string root) : root_(std::move(root)) {
  const std::string given = root_;
  while (!root_.empty() && root_.back() == '/') root_.pop_back();
  open({});
  if (listing_.error() != 0) {
    throw Error(ErrorCode::usage, fmt::format("cannot read folder {}: {}", given,
                                              std::generic_category().message(listing_.error())));
  }
}

std::optional<SourceEntry> FolderSource::next() {
  if (interrupted_.load(std::memory_order_relaxed)) return std::nullopt;
  while (position_ == listing_.files().size()) {
    if (!open_next_folder()) return std::nullopt;
  }
  path_.resize(prefix_length_);
  path_ += listing_.files()[position_++];
  return SourceEntry{path_, label_};
}

bool FolderSource::open_next_folder() {
  if (pending_.empty() || interrupted_.load(std::memory_order_relaxed)) return false;
  std::pop_heap(pending_.begin(), pending_.end(), std::greater<>());
  const Pending folder = std::move(pending_.back());
  pending_.pop_back();
  open(folder);
  return true;
}

void FolderSource::open(const Pending& folder) {
  path_ = path_of(folder);
  listing_ = DirectoryListing(path_.empty() ? "/" : path_, interrupted_);
  position_ = 0;
  label_ = folder.label;
  if (listing_.error() != 0) {
    if (unreadable_++ == 0) {
      first_unreadable_ = fmt::format("{}: {}", path_, std::generic_category().message(listing_.error()));
    }
  } else if (folder.parent && folder.parent->contains(listing_.id())) {
    ++loops_;
    listing_ = DirectoryListing();
    return;
  }
  others_ += listing_.others();
  const auto lineage = std::make_shared<const Lineage>(Lineage{listing_.id(), folder.parent});
  const bool is_root = !folder.parent;
  for (const std::string& name : listing_.folders()) {
    Pending child =
        is_root ? Pending{name, {}, lineage} : Pending{folder.label, folder.rest + '/' + name, lineage};
    pending_.push_back(std::move(child));
    std::push_heap(pending_.begin(), pending_.end(), std::greater<>());
  }
  path_ += '/';
  prefix_length_ = path_.size();
}

std::string FolderSource::path_of(const Pending& folder) const {
  return folder.parent ? root_ + '/' + folder.label + folder.rest : root_;
}

std::string FolderSource::note() const {
  std::vector<std::string> parts;
  const std::string name = root_.empty() ? "/" : root_;
  if (others_ > 0) {
    parts.push_back(fmt::format("{} {} no picture's suffix left out", others_,
                                others_ == 1 ? "file with" : "files with"));
  }
  if (unreadable_ > 0) {
    parts.push_back(fmt::format("{} {} could not be read ({})", unreadable_,
                                unreadable_ == 1 ? "folder" : "folders, the first of which",
                                first_unreadable_));
  }
  if (loops_ > 0) {
    parts.push_back(fmt::format("{} to a folder above itself not followed",
                                loops_ == 1 ? "1 link" : fmt::format("{} links", loops_)));
  }
  if (parts.empty()) return {};
  std::string note = name + ": ";
  for (std::size_t i = 0; i < parts.size(); ++i) note += (i == 0 ? "" : ", ") + parts[i];
  return note;
}

}  // namespace forebay
