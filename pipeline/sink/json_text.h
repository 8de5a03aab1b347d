#pragma once

#include <string>
#include <string_view>

namespace forebay {

/// Appends `text` as a JSON string with its quotes. The result is valid UTF-8 always: every maximal run of
/// bytes that begins no valid sequence becomes one U+FFFD (as Unicode recommends and Python's
/// errors="replace" does).
void append_json_string(std::string& out, std::string_view text);

}  // namespace forebay
