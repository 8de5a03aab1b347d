#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forebay {

/// The text of a file in /proc or /sys, at most limits::system_file_bytes_max of it. Nothing where it cannot
/// be read. Thread-safe; blocks for the read.
[[nodiscard]] std::optional<std::string> read_system_file(const std::string& path);

/// The first line of such a text, without surrounding blanks.
[[nodiscard]] std::string_view first_line(std::string_view text) noexcept;

/// A whole decimal number and nothing else. Nothing for "max", an empty text, or a number out of range.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text) noexcept;

/// The value of the line "<key> <number>" (as in memory.stat) or "<key> <number> kB" (as in /proc/meminfo;
/// then in bytes). `key` as it stands in the file, a colon included. Nothing where the line is missing or
/// garbled.
[[nodiscard]] std::optional<std::uint64_t> field_bytes(std::string_view text, std::string_view key) noexcept;

}  // namespace forebay
