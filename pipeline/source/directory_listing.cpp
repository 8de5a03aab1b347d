#include "pipeline/source/directory_listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "host/error.h"
#include "host/memory/unique_fd.h"

namespace forebay {
namespace {

constexpr std::array<std::string_view, 15> picture_suffixes{".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",
                                                            ".webp", ".gif",  ".bmp",  ".tif",  ".tiff",
                                                            ".ppm",  ".pgm",  ".avif", ".heic", ".jp2"};

struct CloseDir {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool ends_with_ignoring_case(std::string_view name, std::string_view suffix) noexcept {
  if (name.size() < suffix.size()) return false;
  const std::string_view tail = name.substr(name.size() - suffix.size());
  return std::equal(tail.begin(), tail.end(), suffix.begin(), [](char a, char b) { return lower(a) == b; });
}

bool is_folder(int directory_fd, const dirent& entry) noexcept {
  if (entry.d_type == DT_DIR) return true;
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return false;
  struct stat status {};
  return ::fstatat(directory_fd, entry.d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

bool is_fault_of_this_process(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

}  // namespace

bool has_picture_suffix(std::string_view name) noexcept {
  return std::any_of(picture_suffixes.begin(), picture_suffixes.end(),
                     [name](std::string_view suffix) { return ends_with_ignoring_case(name, suffix); });
}

DirectoryListing::DirectoryListing(const std::string& path, const std::atomic<bool>& stop) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    error_ = errno;
    if (is_fault_of_this_process(error_)) {
      throw os_error(error_, "open folder " + path, "raise the limit of open files (ulimit -n)");
    }
    return;
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) == 0) id_ = {status.st_dev, status.st_ino};
  read(fd.release(), stop);
  std::sort(files_.begin(), files_.end());
  std::sort(folders_.begin(), folders_.end());
}

void DirectoryListing::read(int fd, const std::atomic<bool>& stop) {
  const std::unique_ptr<DIR, CloseDir> directory(::fdopendir(fd));
  if (!directory) {
    const int error = errno;
    ::close(fd);
    throw os_error(error, "read a folder");
  }
  while (!stop.load(std::memory_order_relaxed)) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (is_folder(fd, *entry)) {
      folders_.emplace_back(name);
    } else if (has_picture_suffix(name)) {
      files_.emplace_back(name);
    } else {
      ++others_;
    }
  }
  error_ = errno;
}

}  // namespace forebay
