#include "host/process/symbol_table.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "host/limits.h"
#include "host/memory/unique_fd.h"
#include "host/process/never_destroyed.h"

namespace forebay {
namespace {

template <typename T>
bool read_objects(int fd, std::uint64_t offset, std::span<T> into) noexcept {
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return false;
  return ::pread(fd, into.data(), into.size_bytes(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(into.size_bytes());
}

/// Opens the image's file if it is the one that was loaded.
UniqueFd open_same(const std::string& path, const BuildId& id) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // Through the descriptor: the path may lead to another file by now.
  if (!fd.valid() || build_id_of_file("/proc/self/fd/" + std::to_string(fd.get())) != id) fd.reset();
  return fd;
}

std::vector<ElfW(Shdr)> read_sections(int fd) {
  ElfW(Ehdr) header{};
  if (!read_objects(fd, 0, std::span(&header, 1))) return {};
  if (header.e_shentsize != sizeof(ElfW(Shdr)) || header.e_shnum > limits::image_segments_max) return {};
  std::vector<ElfW(Shdr)> sections(header.e_shnum);
  if (!read_objects(fd, header.e_shoff, std::span(sections))) return {};
  return sections;
}

bool is_function(const ElfW(Sym) & symbol) noexcept {
  const unsigned type = symbol.st_info & 0xfU;
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0;
}

/// The tables of the images last asked for, the oldest first out.
struct Cache {
  std::mutex mutex;
  std::array<std::shared_ptr<const SymbolTable>, limits::image_tables_max> tables;
  std::size_t next = 0;

  std::shared_ptr<const SymbolTable> find(const BuildId& id) {
    const std::scoped_lock lock(mutex);
    for (const auto& table : tables) {
      if (table && table->build_id() == id) return table;
    }
    return nullptr;
  }
  void keep(std::shared_ptr<const SymbolTable> table) {
    const std::scoped_lock lock(mutex);
    tables[next] = std::move(table);
    next = (next + 1) % tables.size();
  }
};

Cache& cache() {
  static detail::NeverDestroyed<Cache> instance;  // a thread may throw while the process ends
  return instance.value;
}

}  // namespace

std::string file_of(const Image& image) { return image.executable ? "/proc/self/exe" : image.name; }

SymbolTable::SymbolTable(std::string path, const BuildId& build_id)
    : path_(std::move(path)), build_id_(build_id) {}

std::shared_ptr<const SymbolTable> SymbolTable::of(const Image& image) {
  const std::optional<BuildId> id = image.build_id();
  if (!id) return nullptr;
  Cache& known = cache();
  if (auto table = known.find(*id)) return table;
  const UniqueFd fd = open_same(file_of(image), *id);
  if (!fd.valid()) return nullptr;
  struct Made : SymbolTable {
    Made(std::string path, const BuildId& build_id) : SymbolTable(std::move(path), build_id) {}
  };
  const auto table = std::make_shared<Made>(file_of(image), *id);
  if (!table->read(fd.get())) return nullptr;
  known.keep(table);
  return table;
}

bool SymbolTable::read(int fd) {
  const std::vector<ElfW(Shdr)> sections = read_sections(fd);
  const auto of_type = [&](std::uint32_t type) {
    return std::find_if(sections.begin(), sections.end(),
                        [type](const ElfW(Shdr) & section) { return section.sh_type == type; });
  };
  auto symbols = of_type(SHT_SYMTAB);
  if (symbols == sections.end()) symbols = of_type(SHT_DYNSYM);
  if (symbols == sections.end() || symbols->sh_link >= sections.size()) return false;
  if (symbols->sh_entsize != sizeof(ElfW(Sym))) return false;
  const std::uint64_t count = symbols->sh_size / sizeof(ElfW(Sym));
  if (count > limits::image_symbols_max) return false;
  names_offset_ = sections[symbols->sh_link].sh_offset;
  names_bytes_ = sections[symbols->sh_link].sh_size;
  std::array<ElfW(Sym), 256> some{};
  for (std::uint64_t done = 0; done < count;) {
    const auto now = std::span(some).first(std::min<std::uint64_t>(some.size(), count - done));
    if (!read_objects(fd, symbols->sh_offset + done * sizeof(ElfW(Sym)), now)) return false;
    done += now.size();
    for (const ElfW(Sym) & symbol : now) {
      if (!is_function(symbol)) continue;
      const auto size = std::min<std::uint64_t>(symbol.st_size, std::numeric_limits<std::uint32_t>::max());
      functions_.push_back({symbol.st_value, static_cast<std::uint32_t>(size), symbol.st_name});
    }
  }
  functions_.shrink_to_fit();
  std::sort(functions_.begin(), functions_.end(), [](const Function& a, const Function& b) {
    return std::pair(a.begin, a.size) < std::pair(b.begin, b.size);
  });
  return true;
}

std::string SymbolTable::name_at(std::uint64_t offset) const {
  const auto after = std::upper_bound(functions_.begin(), functions_.end(), offset,
                                      [](std::uint64_t at, const Function& f) { return at < f.begin; });
  if (after == functions_.begin()) return {};
  const Function& function = *std::prev(after);
  // Hand-written code may have no size: it reaches to the next function.
  if (function.size != 0 && offset - function.begin >= function.size) return {};
  if (function.name >= names_bytes_) return {};
  const UniqueFd fd = open_same(path_, build_id_);
  if (!fd.valid()) return {};
  std::array<char, limits::exception_text_bytes_max> text{};
  const auto some = std::span(text).first(std::min<std::uint64_t>(text.size(), names_bytes_ - function.name));
  if (!read_objects(fd.get(), names_offset_ + function.name, some)) return {};
  const std::string_view name(some.data(), some.size());
  const std::size_t end = name.find('\0');
  return end == std::string_view::npos ? std::string() : std::string(name.substr(0, end));
}

}  // namespace forebay
