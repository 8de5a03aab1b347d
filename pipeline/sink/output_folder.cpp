#include "pipeline/sink/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "host/error.h"

namespace forebay {
namespace fs = std::filesystem;

OutputFolder::OutputFolder(const fs::path& path, std::span<const std::string_view> files, bool force)
    : path_(path) {
  if (path_.empty()) throw Error(ErrorCode::usage, "--out is empty; name a folder");
  std::error_code ignored;
  if (fs::exists(path_, ignored) && !fs::is_directory(path_, ignored)) {
    throw Error(ErrorCode::usage, fmt::format("--out {} is not a folder", path_.string()));
  }
  for (const std::string_view name : files) {
    const std::string existing = file(name);
    if (!force && fs::exists(fs::symlink_status(existing, ignored))) {
      throw Error(ErrorCode::usage,
                  fmt::format("{} exists; use --force to overwrite it, or --resume to go on with that run",
                              existing));
    }
  }
  create();
  lock();
}

OutputFolder::~OutputFolder() {
  for (auto folder = created_.rbegin(); folder != created_.rend(); ++folder) {
    if (::rmdir(folder->c_str()) != 0) break;  // not empty: a run's results
  }
}

void OutputFolder::create() {
  fs::path prefix;
  for (const fs::path& part : path_) {
    prefix /= part;
    if (::mkdir(prefix.c_str(), 0777) == 0) {
      created_.push_back(prefix);
    } else if (errno != EEXIST && errno != EISDIR) {
      throw os_error(errno, "create folder " + prefix.string());
    }
  }
}

void OutputFolder::lock() {
  lock_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_.valid()) throw os_error(errno, "open folder " + path_.string());
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw Error(ErrorCode::usage,
                fmt::format("another run writes into {}; choose another --out", path_.string()));
  }
  // A file system without locks (some network ones) is no reason to refuse the run.
}

void OutputFolder::sync() {
  if (::fsync(lock_.get()) != 0) throw os_error(errno, "sync folder " + path_.string(), {}, ErrorCode::io);
}

}  // namespace forebay
