#include "pipeline/sink/json_text.h"

#include <cstddef>

namespace forebay {
namespace {

struct Sequence {
  std::size_t bytes;
  bool valid;
};

/// The UTF-8 sequence, or the maximal invalid part of one, that `text` begins with (Unicode 15, table 3-7).
Sequence first_sequence(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return {1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {i, false};
    const bool in_range = i == 1 ? at(1) >= low && at(1) <= high : (at(i) & 0xC0U) == 0x80;
    if (!in_range) return {i, false};
  }
  return {length, true};
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7F) {
    out += c;
    return;
  }
  out += "\\u00";
  out += hex[byte >> 4U];
  out += hex[byte & 0xFU];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Sequence sequence = first_sequence(text);
    if (!sequence.valid) {
      out += "\xEF\xBF\xBD";
    } else if (sequence.bytes == 1) {
      append_escaped(out, text.front());
    } else {
      out += text.substr(0, sequence.bytes);
    }
    text.remove_prefix(sequence.bytes);
  }
  out += '"';
}

}  // namespace forebay
