#include "pipeline/flow/resource_need.h"

#include <fmt/format.h>

#include <limits>

namespace forebay {

std::string amount_text(std::uint64_t amount, bool bytes) {
  if (amount == std::numeric_limits<std::uint64_t>::max()) return "any number";
  if (!bytes) return fmt::format("{}", amount);
  constexpr double mib = 1 << 20;
  const double value = static_cast<double>(amount) / mib;
  return value < 10'000 ? fmt::format("{:.1f} MiB", value) : fmt::format("{:.1f} GiB", value / 1024);
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : noun.ends_with('s') ? "es" : "s");
}

std::string describe(const ResourceNeed& need) {
  return fmt::format("this run needs {} {} ({}), but {} leaves {}; {}", amount_text(need.need, need.bytes),
                     need.bytes ? "of " + need.name : need.name, need.what, need.limit,
                     amount_text(need.there, need.bytes), need.remedy);
}

void admit(const ResourceNeed& need) {
  if (!need.fits()) throw Error(need.code, describe(need));
}

}  // namespace forebay
