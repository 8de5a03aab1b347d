#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay::crash {

/// Writes JPEGs and PNGs of `smallest` to `largest` pixels a side into `folder`, which exists; the same ones
/// every time. Returns their paths.
[[nodiscard]] std::vector<std::string> make_pictures(const std::string& folder, std::uint32_t count,
                                                     std::uint32_t smallest, std::uint32_t largest);

/// Writes a list of paths; returns it as a source is named: @path.
std::string write_list(const std::string& path, const std::vector<std::string>& pictures);

/// Pictures of about 100 pixels a side and bad items among them (cut off, empty, text, missing), as a list in
/// `folder`: what a run at which processes die is tried with. Returns the list as a source is named.
[[nodiscard]] std::string make_small_set(const std::string& folder);

}  // namespace forebay::crash
