#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace forebay::cli {

/// What goes to stderr: whole lines and, on a terminal, one status line below them that is redrawn in place.
/// Thread-safe. Failures to write are ignored: there is nobody left to tell.
class Console {
 public:
  Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console() { clear_status(); }

  /// True if a status line can be shown.
  [[nodiscard]] bool terminal() const noexcept { return terminal_; }

  /// Prints "forebay: text" as one line; line breaks within become "; ".
  void line(std::string_view text);
  /// Prints text as it is, with a final newline, above the status line.
  void text(std::string_view text);
  /// A log line with the time of day, for what is no terminal.
  void log(std::string_view text);
  /// Shows `text`, cut to the terminal's width, in place of the former status.
  void status(std::string_view text);
  void clear_status();

 private:
  void erase_status();  // under mutex_

  const bool terminal_;
  std::mutex mutex_;
  bool status_shown_ = false;
};

/// Makes one line of a text: line breaks become "; ", other control characters spaces.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace forebay::cli
