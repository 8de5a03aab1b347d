#include "pipeline/sink/commit_record.h"

#include <utility>

#include "host/codec/codec.h"
#include "host/error.h"

namespace forebay {

std::vector<std::byte> encode_commit_record(const CommitRecord& record) {
  Encoder out = Encoder::without_descriptors();
  encode(out, record);
  return std::move(out.take().bytes);
}

std::optional<CommitRecord> decode_commit_record(std::span<const std::byte> bytes) {
  try {
    Decoder in(bytes, {});
    CommitRecord record = decode<CommitRecord>(in);
    const bool known = record.kind <= CommitKind::complete;
    return known && in.left() == 0 ? std::optional(std::move(record)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace forebay
