#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/process/image.h"

namespace forebay {

/// The functions of an executable or shared library, read from its file (.symtab, which also has the
/// functions that are not exported, else .dynsym) with bounds checks, sorted by address. The names stay in
/// the file. Immutable, so safe to share between threads.
class SymbolTable {
 public:
  /// The table of a loaded image, from a small cache. Null where the image's file cannot be read, is not the
  /// one that was loaded (any more), has no build id to tell by, or is no good. Thread-safe; the first call
  /// for an image reads its table (a few milliseconds for a large one).
  [[nodiscard]] static std::shared_ptr<const SymbolTable> of(const Image& image);

  /// The mangled name of the function that covers `offset` from the image's base; empty where there is none.
  /// Blocks for a read of the file. Thread-safe.
  [[nodiscard]] std::string name_at(std::uint64_t offset) const;

  [[nodiscard]] const BuildId& build_id() const noexcept { return build_id_; }

 private:
  struct Function {
    std::uint64_t begin;
    std::uint32_t size;
    std::uint32_t name;  // offset in the file's string table
  };

  SymbolTable(std::string path, const BuildId& build_id);
  bool read(int fd);

  std::string path_;
  BuildId build_id_;
  std::uint64_t names_offset_ = 0;  // of the string table in the file
  std::uint64_t names_bytes_ = 0;
  std::vector<Function> functions_;
};

/// The file of an image: /proc/self/exe for the program itself.
[[nodiscard]] std::string file_of(const Image& image);

}  // namespace forebay
