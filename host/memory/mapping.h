#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <span>

namespace forebay {

/// A shared mapping of a descriptor, never inherited by a fork (MADV_DONTFORK: a forked child of a killed
/// worker must not go on writing into it). Move-only; unmapped at destruction.
class Mapping {
 public:
  enum class Access { read_only, read_write };

  Mapping() noexcept = default;
  /// Maps [0, bytes) of `fd`, which stays the caller's. Throws Error(no_memory | environment).
  Mapping(int fd, std::size_t bytes, Access access);

  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(region_.get_address()), region_.get_size()};
  }
  [[nodiscard]] bool valid() const noexcept { return region_.get_size() != 0; }

 private:
  boost::interprocess::mapped_region region_;
};

}  // namespace forebay
