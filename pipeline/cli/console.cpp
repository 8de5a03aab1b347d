#include "pipeline/cli/console.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace forebay::cli {
namespace {

bool can_redraw() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t terminal_columns() noexcept {
  constexpr std::size_t usual_columns = 80;
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual_columns;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("forebay", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%H:%M:%S forebay: %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

void write_error(const std::string& text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string one_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "; ";
    } else {
      line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
  }
  return line;
}

Console::Console() : terminal_(can_redraw()) {}

void Console::line(std::string_view text) { this->text(fmt::format("forebay: {}", one_line(text))); }

void Console::text(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  erase_status();
  write_error(fmt::format("{}\n", text));
}

void Console::log(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  erase_status();
  logger().info("{}", one_line(text));
}

void Console::status(std::string_view text) {
  if (!terminal_) return;
  const std::scoped_lock lock(mutex_);
  const std::size_t columns = terminal_columns() - 1;  // the last column would wrap on some terminals
  write_error(fmt::format("\r{}\x1b[K", text.substr(0, columns)));
  status_shown_ = true;
}

void Console::clear_status() {
  const std::scoped_lock lock(mutex_);
  erase_status();
}

void Console::erase_status() {
  if (!status_shown_) return;
  write_error("\r\x1b[K");
  status_shown_ = false;
}

}  // namespace forebay::cli
