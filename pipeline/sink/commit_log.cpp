#include "pipeline/sink/commit_log.h"

#include <limits>
#include <utility>
#include <vector>

#include "host/error.h"
#include "pipeline/sink/commit_frame.h"
#include "pipeline/sink/commit_log_reader.h"

namespace forebay {
namespace {

// A record without held lines: a hundred bytes, its errors and a bit per item.
constexpr std::uint64_t record_bytes_usual = std::uint64_t{16} << 10U;
// Reserved at a time: a thousand batches.
constexpr std::uint64_t reserve_step_bytes = std::uint64_t{256} << 10U;

std::vector<std::byte> head_of(std::string_view manifest) {
  const auto bytes = std::as_bytes(std::span(commit_log_head));
  std::vector<std::byte> head(bytes.begin(), bytes.end());
  const auto frame = make_commit_frame(std::as_bytes(std::span(manifest)), head.size(), 0);
  head.insert(head.end(), frame.begin(), frame.end());
  return head;
}

}  // namespace

CommitLog::CommitLog(std::string path, std::string_view manifest)
    : file_(std::move(path), head_of(manifest)),
      log_id_(commit_log_id(manifest)),
      end_(commit_log_head.size() + CommitFrame::frame_bytes + manifest.size()) {}

CommitLog::CommitLog(std::string path, const ResumePoint& point)
    : file_(OutputFile::reopen(std::move(path))),
      log_id_(commit_log_id(point.manifest)),
      end_(point.log_end) {
  file_.cut(end_);
}

void CommitLog::reserve(std::size_t held_bytes) {
  const std::uint64_t needed = end_ + record_bytes_usual + held_bytes;
  if (needed <= reserved_) return;
  std::uint64_t ahead = needed + reserve_step_bytes;
  bool can_reserve = true;
  try {
    can_reserve = file_.reserve(ahead);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::no_space) throw;
    ahead = needed;  // the disk is nearly full: what is needed now may still fit
    can_reserve = file_.reserve(ahead);
  }
  reserved_ = can_reserve ? ahead : std::numeric_limits<std::uint64_t>::max();
}

void CommitLog::append(const CommitRecord& record) {
  const std::vector<std::byte> frame = make_commit_frame(encode_commit_record(record), end_, log_id_);
  try {
    file_.write(frame, end_);
  } catch (const Error&) {
    file_.cut(end_);
    reserved_ = 0;
    throw;
  }
  end_ += frame.size();
}

}  // namespace forebay
