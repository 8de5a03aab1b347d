#include "host/process/exception_record.h"

#include <fmt/format.h>

#include <concepts>
#include <utility>

#include "host/limits.h"

namespace forebay {
namespace {

constexpr std::uint32_t record_magic = 0x3145'4246;  // "FBE1" in memory
constexpr std::size_t mark_bytes = 40;               // " [cut from 18446744073709551615 bytes]"

class Writer {
 public:
  template <std::unsigned_integral T>
  void number(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<std::byte>((std::uint64_t{value} >> (8 * i)) & 0xffU));
    }
  }
  void text(std::string_view value, std::size_t bytes_max) {
    const std::string kept = shortened(value, bytes_max);
    number(static_cast<std::uint32_t>(kept.size()));
    const auto all = std::as_bytes(std::span(kept));
    bytes_.insert(bytes_.end(), all.begin(), all.end());
  }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Once something is missing or above its limit, all that follows reads as nothing, and ok() is false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  T number(T most = static_cast<T>(-1)) {
    std::uint64_t value = 0;
    const std::span<const std::byte> taken = take(sizeof(T));
    for (std::size_t i = 0; i < taken.size(); ++i)
      value |= std::to_integer<std::uint64_t>(taken[i]) << (8 * i);
    if (value > most) fail();
    return ok_ ? static_cast<T>(value) : T{0};
  }
  std::string text(std::size_t bytes_max) {
    const auto size = number(static_cast<std::uint32_t>(bytes_max + mark_bytes));
    const std::span<const std::byte> taken = take(size);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return ok_ && rest_.empty(); }

 private:
  void fail() noexcept {
    ok_ = false;
    rest_ = {};
  }
  std::span<const std::byte> take(std::size_t size) noexcept {
    if (size > rest_.size()) fail();
    const auto taken = rest_.first(ok_ ? size : 0);
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::span<const std::byte> rest_;
  bool ok_ = true;
};

void write(Writer& out, const ExceptionRecord& record) {
  const RemoteInfo& info = record.info;
  out.text(info.type, limits::exception_text_bytes_max);
  out.text(info.message, limits::exception_message_bytes_max);
  out.number(static_cast<std::uint32_t>(info.pid));
  out.number(info.task);
  out.text(info.task_name, limits::exception_text_bytes_max);
  const auto trace = std::span(info.trace).first(std::min(info.trace.size(), limits::exception_frames_max));
  out.number(static_cast<std::uint16_t>(trace.size()));
  for (const std::string& line : trace) out.text(line, limits::exception_frame_bytes_max);
  out.number(static_cast<std::uint8_t>(record.family));
  out.number(static_cast<std::uint32_t>(record.code));
  out.text(record.path1, limits::exception_text_bytes_max);
  out.text(record.path2, limits::exception_text_bytes_max);
}

ExceptionRecord read(Reader& in) {
  ExceptionRecord record;
  RemoteInfo& info = record.info;
  info.type = in.text(limits::exception_text_bytes_max);
  info.message = in.text(limits::exception_message_bytes_max);
  info.pid = static_cast<pid_t>(in.number<std::uint32_t>());
  info.task = in.number<std::uint64_t>();
  info.task_name = in.text(limits::exception_text_bytes_max);
  const auto lines = in.number(static_cast<std::uint16_t>(limits::exception_frames_max));
  for (std::uint16_t i = 0; i < lines && in.ok(); ++i) {
    info.trace.push_back(in.text(limits::exception_frame_bytes_max));
  }
  record.family = static_cast<CodeFamily>(in.number(static_cast<std::uint8_t>(CodeFamily::last)));
  record.code = static_cast<std::int32_t>(in.number<std::uint32_t>());
  record.path1 = in.text(limits::exception_text_bytes_max);
  record.path2 = in.text(limits::exception_text_bytes_max);
  return record;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max + mark_bytes) return std::string(text);  // it may have a mark already
  const auto continues = [text](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U;
  };
  std::size_t end = bytes_max;
  for (int back = 0; back < 3 && end > 0 && continues(end); ++back) --end;
  if (continues(end)) end = bytes_max;  // no UTF-8
  return fmt::format("{} [cut from {} bytes]", text.substr(0, end), text.size());
}

std::vector<std::byte> write_records(const std::vector<ExceptionRecord>& records) {
  Writer out;
  out.number(record_magic);
  out.number(static_cast<std::uint8_t>(records.size()));
  for (const ExceptionRecord& record : records) write(out, record);
  return out.take();
}

std::optional<std::vector<ExceptionRecord>> read_records(std::span<const std::byte> bytes) {
  Reader in(bytes);
  if (in.number<std::uint32_t>() != record_magic) return std::nullopt;
  const auto count = in.number(static_cast<std::uint8_t>(limits::exception_causes_max + 2));
  std::vector<ExceptionRecord> records;
  for (std::uint8_t i = 0; i < count && in.ok(); ++i) records.push_back(read(in));
  if (!in.at_end() || records.empty()) return std::nullopt;
  return records;
}

}  // namespace forebay
