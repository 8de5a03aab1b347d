#pragma once

#include <map>
#include <string>

namespace forebay {

/// Name -> version of Forebay, of the libraries that decide the bits, and of the compiler.
[[nodiscard]] std::map<std::string, std::string> component_versions();

}  // namespace forebay
