#pragma once

#include <cstdint>
#include <string>

#include "pipeline/cli/run_arguments.h"

namespace forebay::cli {

/// Where the sources first differ from what an earlier run found in them, by the first `items` lines of its
/// items.jsonl: "item 17 is now b.jpg, was a.jpg". Empty where that cannot be told: a source that can be read
/// only once, paths that are no UTF-8. Reads both from the beginning; does not throw.
[[nodiscard]] std::string source_difference(const RunArguments& arguments, const std::string& items,
                                            std::uint64_t count) noexcept;

}  // namespace forebay::cli
