#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/memory/unique_fd.h"
#include "pipeline/source/source.h"

namespace forebay {

/// A text file of paths, one a line, relative to the current directory; after a tab, a label. Empty lines are
/// passed over; "\r\n" ends a line as "\n" does; a UTF-8 byte order mark at the start is ignored. Nothing is
/// checked about the paths: a missing one becomes an io_error item. Streamed: reads limits::list_buffer_bytes
/// at a time. What a pipe has brought is given out before it is waited for again.
class ListSource final : public Source {
 public:
  /// Opens `path` (a file, a pipe, /dev/stdin). Throws Error(usage) where it cannot be read.
  explicit ListSource(std::string path);

  /// Throws Error(usage), naming file and line, for a line that is longer than limits::list_line_bytes_max,
  /// holds a NUL byte, or has a label but no path; Error(io) where reading fails.
  [[nodiscard]] std::optional<SourceEntry> next() override;

  void interrupt() noexcept override;

  /// Of a regular file: the byte behind the line.
  [[nodiscard]] SourceMark mark() const override;
  /// Of a regular file: which it is, its size and when it was changed, all as it was when it was opened.
  [[nodiscard]] std::string identity() const override { return identity_; }
  [[nodiscard]] bool seek(const SourceMark& mark) override;

  /// Bytes read from the file so far.
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  /// The next line without its end; valid until the next call.
  [[nodiscard]] std::optional<std::string_view> next_line();
  /// Waits for the pipe or file to have something. False after interrupt().
  [[nodiscard]] bool wait_readable() const;
  bool read_more();
  [[noreturn]] void fail(std::string_view what) const;

  std::string path_;
  std::string identity_;  // empty: a pipe, which is read once
  UniqueFd fd_;
  UniqueFd stop_;       // an eventfd: readable after interrupt()
  std::string buffer_;  // what is read and not yet given out begins at begin_
  std::size_t begin_ = 0;
  std::uint64_t line_ = 0;  // number of the current line, from 1
  std::uint64_t bytes_read_ = 0;
};

}  // namespace forebay
