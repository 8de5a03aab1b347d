#include "host/process/system_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>

#include "host/limits.h"
#include "host/memory/unique_fd.h"

namespace forebay {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

std::optional<std::string> read_system_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::string text;
  std::array<char, 4096> part;
  while (text.size() < limits::system_file_bytes_max) {
    const ssize_t got = ::read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string_view first_line(std::string_view text) noexcept {
  return trimmed(text.substr(0, text.find('\n')));
}

std::optional<std::int64_t> parse_number(std::string_view text) noexcept {
  text = trimmed(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> field_bytes(std::string_view text, std::string_view key) noexcept {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    if (!line.starts_with(key)) continue;
    std::string_view value = line.substr(key.size());
    // "inactive_file" must not find "inactive_files".
    if (value.empty() || (value.front() != ' ' && value.front() != '\t')) continue;
    value = trimmed(value);
    const bool kib = value.ends_with(" kB");
    if (kib) value.remove_suffix(3);
    const std::optional<std::int64_t> number = parse_number(value);
    if (!number || *number < 0 || (kib && *number > std::numeric_limits<std::int64_t>::max() / 1024)) {
      return std::nullopt;
    }
    return static_cast<std::uint64_t>(*number) * (kib ? 1024U : 1U);
  }
  return std::nullopt;
}

}  // namespace forebay
