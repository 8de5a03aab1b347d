#include "pipeline/source/entry_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace forebay {

void EntryHash::add(std::string_view path, std::string_view label) noexcept {
  // Each length is part of the next seed, so that "ab" + "c" is not "a" + "bc".
  value_ = XXH3_64bits_withSeed(path.data(), path.size(), value_ ^ path.size());
  value_ = XXH3_64bits_withSeed(label.data(), label.size(), value_ ^ label.size());
}

}  // namespace forebay
