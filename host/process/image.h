#pragma once

#include <link.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "host/process/function.h"

namespace forebay {

/// An executable or shared library as it lies in this process's memory. A view: valid while it stays loaded.
struct Image {
  const char* name = "";  ///< as the dynamic linker knows it; empty for the executable
  std::uintptr_t base = 0;
  const ElfW(Phdr) * segments = nullptr;
  std::size_t segment_count = 0;
  bool executable = false;  ///< the program itself, not one of its libraries

  /// True if `offset` from the base lies in memory that holds code.
  [[nodiscard]] bool has_code_at(std::uint64_t offset) const noexcept;
  [[nodiscard]] std::optional<BuildId> build_id() const noexcept;
};

/// The image whose code `address` lies in. Thread-safe.
[[nodiscard]] std::optional<Image> image_of_code(const void* address) noexcept;

/// The program itself (`executable`) or a loaded library, by its build id. Thread-safe.
[[nodiscard]] std::optional<Image> loaded_image(const BuildId& id, bool executable) noexcept;

/// The build id of an ELF file on disk; nothing where it is none, or has none. Reads headers and notes only.
[[nodiscard]] std::optional<BuildId> build_id_of_file(const std::string& path);

}  // namespace forebay
