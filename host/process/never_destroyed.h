#pragma once

namespace forebay::detail {

/// Storage whose content is never destroyed: for what late static destructors and forked copies may still
/// touch.
template <typename T>
union NeverDestroyed {
  NeverDestroyed() : value() {}
  NeverDestroyed(const NeverDestroyed&) = delete;
  NeverDestroyed& operator=(const NeverDestroyed&) = delete;
  ~NeverDestroyed() {}  // NOLINT(modernize-use-equals-default): a union's default would be deleted
  T value;
};

}  // namespace forebay::detail
