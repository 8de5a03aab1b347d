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

void OutputFolder::check(const fs::path& path, std::span<const std::string_view> files, bool force) {
  if (path.empty()) throw Error(ErrorCode::usage, "--out is empty; name a folder");
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) {
    throw Error(ErrorCode::usage, fmt::format("--out {} is not a folder", path.string()));
  }
  for (const std::string_view name : files) {
    const std::string existing = (path / name).string();
    if (!force && fs::exists(fs::symlink_status(existing, ignored))) {
      throw Error(ErrorCode::usage,
                  fmt::format("{} exists; use --force to overwrite it, or --resume to go on with that run",
                              existing));
    }
  }
}

OutputFolder::OutputFolder(const fs::path& path, std::span<const std::string_view> files, bool force)
    : path_(path) {
  check(path, files, force);
  try {
    create();
    lock();
    probe();
  } catch (...) {
    remove_created();
    throw;
  }
}

OutputFolder::~OutputFolder() { remove_created(); }

void OutputFolder::remove_created() const noexcept {
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

/// What permissions do not tell (no inodes, a quota that is used up) is found now, not after the workers have
/// been started.
void OutputFolder::probe() const {
  const std::string name = file(".forebay.probe");
  const UniqueFd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) throw os_error(errno, "cannot create a file in " + path_.string(), "choose another --out");
  ::unlink(name.c_str());
}

}  // namespace forebay
