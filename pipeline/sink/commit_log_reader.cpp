#include "pipeline/sink/commit_log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/error.h"
#include "pipeline/sink/commit_frame.h"

namespace forebay {
namespace {

void check_head(const InputFile& file) {
  const std::span<const std::byte> expected = std::as_bytes(std::span(commit_log_head));
  const std::vector<std::byte> head = file.read(0, expected.size());
  const std::size_t name_bytes = expected.size() - 1;
  if (head.size() < expected.size() ||
      !std::equal(head.begin(), head.end() - 1, expected.begin(), expected.begin() + name_bytes)) {
    throw Error(ErrorCode::usage,
                fmt::format("{} is {}; --force starts afresh", file.path(),
                            head.empty() ? "empty, so nothing is known of the run" : "no log of a run"));
  }
  if (head.back() != expected.back()) {
    throw Error(ErrorCode::usage,
                fmt::format("{} has format {}, this Forebay reads {}; --force starts afresh", file.path(),
                            std::to_integer<int>(head.back()), std::to_integer<int>(expected.back())));
  }
}

}  // namespace

CommitLogReader::CommitLogReader(const std::string& path) : file_(path) {
  check_head(file_);
  const std::optional<CommitFrame> frame = commit_frame_at(file_, commit_log_head.size(), 0);
  if (!frame) {
    throw Error(
        ErrorCode::usage,
        fmt::format("{} is damaged where it says how the run was started; --force starts afresh", path));
  }
  manifest_.assign(reinterpret_cast<const char*>(frame->payload.data()), frame->payload.size());
  log_id_ = commit_log_id(manifest_);
  first_ = frame->end;
}

std::optional<CommitLogReader::Found> CommitLogReader::newest(std::uint64_t end) const {
  while (std::optional<CommitFrame> frame = newest_commit_frame(file_, first_, end, log_id_)) {
    if (std::optional<CommitRecord> record = decode_commit_record(frame->payload))
      return Found{std::move(*record), frame->begin, frame->end};
    end = frame->begin;
  }
  return std::nullopt;
}

std::optional<CommitLogReader::Found> CommitLogReader::at(std::uint64_t begin) const {
  const std::optional<CommitFrame> frame = commit_frame_at(file_, begin, log_id_);
  if (!frame) return std::nullopt;
  std::optional<CommitRecord> record = decode_commit_record(frame->payload);
  if (!record) return std::nullopt;
  return Found{std::move(*record), frame->begin, frame->end};
}

}  // namespace forebay
