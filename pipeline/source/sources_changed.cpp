#include "pipeline/source/sources_changed.h"

#include <fmt/format.h>

#include <string>

namespace forebay {

Error sources_changed(std::uint64_t items, std::uint64_t found) {
  const std::string what = found < items ? fmt::format("hold {} items only", found)
                                         : std::string("name others or in another order");
  return {
      ErrorCode::usage,
      fmt::format("the sources have changed: the earlier run did {} items, and now they {}; give the same "
                  "sources, or start afresh",
                  items, what)};
}

}  // namespace forebay
