#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "host/error.h"
#include "pipeline/source/folder_source.h"
#include "pipeline/source/list_source.h"
#include "pipeline/source/source.h"

namespace forebay {
namespace {

/// One file that the user named: taken whatever its suffix.
class FileSource final : public Source {
 public:
  explicit FileSource(std::string path) : path_(std::move(path)) {}
  std::optional<SourceEntry> next() override {
    if (std::exchange(given_, true)) return std::nullopt;
    return SourceEntry{path_, {}};
  }
  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override { return 1; }

 private:
  std::string path_;
  bool given_ = false;
};

/// Several sources, one after the other.
class ChainSource final : public Source {
 public:
  explicit ChainSource(std::vector<std::unique_ptr<Source>> parts) : parts_(std::move(parts)) {}

  std::optional<SourceEntry> next() override {
    for (; current_ < parts_.size(); ++current_) {
      if (std::optional<SourceEntry> entry = parts_[current_]->next()) return entry;
    }
    return std::nullopt;
  }

  void interrupt() noexcept override {
    for (const auto& part : parts_) part->interrupt();
  }

  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override {
    std::uint64_t total = 0;
    for (const auto& part : parts_) {
      const std::optional<std::uint64_t> size = part->size_hint();
      if (!size) return std::nullopt;
      total += *size;
    }
    return total;
  }

  [[nodiscard]] std::string note() const override {
    std::string note;
    for (const auto& part : parts_) {
      const std::string text = part->note();
      if (!text.empty()) note += (note.empty() ? "" : "; ") + text;
    }
    return note;
  }

 private:
  std::vector<std::unique_ptr<Source>> parts_;
  std::size_t current_ = 0;
};

class RangeSource final : public Source {
 public:
  explicit RangeSource(std::uint64_t count) : count_(count) {}
  std::optional<SourceEntry> next() override {
    if (given_ == count_) return std::nullopt;
    ++given_;
    return SourceEntry{};
  }
  [[nodiscard]] bool has_files() const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override { return count_; }

 private:
  std::uint64_t count_;
  std::uint64_t given_ = 0;
};

std::unique_ptr<Source> open_source(const std::string& source) {
  if (source.empty()) throw Error(ErrorCode::usage, "an empty source; name a file, a folder or @list.txt");
  if (source.front() == '@') {
    if (source.size() == 1) throw Error(ErrorCode::usage, "no list after @; write @list.txt");
    return std::make_unique<ListSource>(source.substr(1));
  }
  struct stat status {};
  if (::stat(source.c_str(), &status) != 0) {
    const int error = errno;
    // A link that leads nowhere, or a folder on the way that may not be searched: nothing there to read.
    throw Error(ErrorCode::usage, fmt::format("cannot find {}: {}; name a file, a folder or @list.txt",
                                              source, std::generic_category().message(error)));
  }
  if (S_ISDIR(status.st_mode)) return std::make_unique<FolderSource>(source);
  return std::make_unique<FileSource>(source);
}

}  // namespace

std::unique_ptr<Source> open_sources(const std::vector<std::string>& sources) {
  if (sources.empty()) throw Error(ErrorCode::usage, "no source; name a file, a folder or @list.txt");
  if (sources.size() == 1) return open_source(sources.front());
  std::vector<std::unique_ptr<Source>> parts;
  parts.reserve(sources.size());
  for (const std::string& source : sources) parts.push_back(open_source(source));
  return std::make_unique<ChainSource>(std::move(parts));
}

std::unique_ptr<Source> make_range_source(std::uint64_t count) {
  return std::make_unique<RangeSource>(count);
}

}  // namespace forebay
