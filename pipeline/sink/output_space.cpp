#include "pipeline/sink/output_space.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace forebay {
namespace {

namespace fs = std::filesystem;

/// Of a line of items.jsonl, at least; a header of tensors.npy.
constexpr std::uint64_t line_bytes = 100;
constexpr std::uint64_t header_bytes = 128;

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// Files of one run, and the temporary name of one.
constexpr std::uint64_t files_of_run = 7;

fs::path nearest_folder(const fs::path& folder) {
  std::error_code error;
  fs::path place = fs::absolute(folder, error).lexically_normal();
  while (!fs::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  return place;
}

std::uint64_t bytes_on_disk(const fs::path& file) {
  constexpr std::uint64_t block_bytes = 512;
  struct stat status {};
  // Of a file with other names too, nothing becomes free.
  if (::lstat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1) return 0;
  return static_cast<std::uint64_t>(status.st_blocks) * block_bytes;
}

}  // namespace

OutputSpace OutputSpace::read(const fs::path& folder, std::span<const std::string_view> replaced) {
  OutputSpace space;
  const fs::path place = nearest_folder(folder);
  space.place = place.string();
  if (::faccessat(AT_FDCWD, place.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    throw os_error(errno, "cannot write into " + space.place, "choose another --out");
  }
  struct statvfs status {};
  if (::statvfs(place.c_str(), &status) != 0)
    throw os_error(errno, "cannot ask for the space of " + space.place);
  // A file system that counts nothing (some network ones) is asked by writing to it.
  if (status.f_blocks > 0) space.free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (status.f_files > 0) space.free_files = status.f_favail;
  std::uint64_t files = 0;
  for (const std::string_view name : replaced) {
    const std::uint64_t bytes = bytes_on_disk(folder / name);
    space.free_bytes += std::min(bytes, unlimited - space.free_bytes);
    files += bytes > 0 ? 1U : 0U;
  }
  space.free_files += std::min(files, unlimited - space.free_files);
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    space.file_bytes_most = limit.rlim_cur;
  }
  return space;
}

std::vector<ResourceNeed> needs_of(const OutputDemand& demand, const OutputSpace& space) {
  const std::uint64_t rows = demand.items.value_or(1);
  const std::uint64_t tensors = demand.row_bytes == 0 ? 0 : header_bytes + rows * demand.row_bytes;
  const std::string what =
      demand.items ? fmt::format("{} of {} bytes and a line each", counted(rows, "row"), demand.row_bytes)
                   : fmt::format("one row of {} bytes; how many come is not known yet", demand.row_bytes);
  const auto rows_in = [&demand](std::uint64_t bytes, std::uint64_t of_line) {
    return bytes < header_bytes ? 0 : (bytes - header_bytes) / (demand.row_bytes + of_line);
  };
  const auto fewer = [&demand](std::uint64_t fit) {
    return demand.items && fit > 0 ? fmt::format(", or use --limit {}", fit) : std::string();
  };
  ResourceNeed disk{"disk", ErrorCode::no_space, true};
  disk.need = tensors + rows * line_bytes;
  disk.there = space.free_bytes;
  disk.what = what;
  disk.limit = "the file system of " + space.place;
  if (!disk.fits()) {
    disk.remedy = "free some space or choose another --out" + fewer(rows_in(disk.there, line_bytes));
  }
  ResourceNeed files{"files", ErrorCode::no_space, false};
  files.need = files_of_run;
  files.there = space.free_files;
  files.what = "results and one that is replaced at a time";
  files.limit = "the file system of " + space.place;
  if (!files.fits()) files.remedy = "remove some files or choose another --out";
  ResourceNeed size{"file size", ErrorCode::environment, true};
  size.need = std::max(tensors, rows * line_bytes);
  size.there = space.file_bytes_most;
  size.what = what;
  size.limit = "RLIMIT_FSIZE (ulimit -f)";
  if (!size.fits())
    size.remedy = "raise it to " + amount_text(size.need, true) + fewer(rows_in(size.there, 0));
  return {std::move(disk), std::move(files), std::move(size)};
}

}  // namespace forebay
