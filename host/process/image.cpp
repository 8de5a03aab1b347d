#include "host/process/image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "host/limits.h"
#include "host/memory/unique_fd.h"

namespace forebay {
namespace {

std::size_t aligned(std::size_t size, std::size_t alignment) noexcept {
  return (size + alignment - 1) / alignment * alignment;
}

/// elf(5), "Notes": {name size, description size, type}, name, description, both padded to the segment's
/// alignment.
std::optional<BuildId> find_build_id(std::span<const std::byte> notes, std::size_t alignment) noexcept {
  constexpr char gnu[] = "GNU";
  alignment = alignment == 8 ? 8 : 4;
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof(note));
    const std::size_t description = aligned(sizeof(note) + note.n_namesz, alignment);
    if (description > notes.size() || note.n_descsz > notes.size() - description) return std::nullopt;
    const bool is_build_id = note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(gnu) &&
                             std::memcmp(notes.data() + sizeof(note), gnu, sizeof(gnu)) == 0;
    BuildId id{};
    if (is_build_id && note.n_descsz > 0 && note.n_descsz <= id.size()) {
      std::memcpy(id.data(), notes.data() + description, note.n_descsz);
      return id;
    }
    notes = notes.subspan(std::min(notes.size(), aligned(description + note.n_descsz, alignment)));
  }
  return std::nullopt;
}

/// Calls `visit` with every image until it returns true. It runs under the dynamic linker's lock, below C
/// frames: so it neither throws nor loads anything.
template <typename Visit>
void visit_images(Visit visit) noexcept {
  static_assert(noexcept(visit(std::declval<const Image&>())));
  struct State {
    Visit& visit;
    bool first;
  } state{visit, true};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* data) noexcept -> int {
        auto& walk = *static_cast<State*>(data);
        Image image;
        image.name = info->dlpi_name != nullptr ? info->dlpi_name : "";
        image.base = info->dlpi_addr;
        image.segments = info->dlpi_phdr;
        image.segment_count = info->dlpi_phnum;
        image.executable = walk.first;  // dl_iterate_phdr(3): the first object is the program
        walk.first = false;
        return walk.visit(image) ? 1 : 0;
      },
      &state);
}

bool read_exactly(int fd, std::uint64_t offset, std::span<std::byte> into) noexcept {
  return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(into.size());
}

}  // namespace

bool Image::has_code_at(std::uint64_t offset) const noexcept {
  return std::any_of(segments, segments + segment_count, [offset](const ElfW(Phdr) & segment) {
    return segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && offset >= segment.p_vaddr &&
           offset - segment.p_vaddr < segment.p_memsz;
  });
}

std::optional<BuildId> Image::build_id() const noexcept {
  for (std::size_t i = 0; i < segment_count; ++i) {
    const ElfW(Phdr)& segment = segments[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const std::byte*>(base + segment.p_vaddr);
    if (const auto id = find_build_id({notes, segment.p_memsz}, segment.p_align)) return id;
  }
  return std::nullopt;
}

std::optional<Image> image_of_code(const void* address) noexcept {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::optional<Image> found;
  visit_images([&](const Image& image) noexcept {
    if (wanted >= image.base && image.has_code_at(wanted - image.base)) found = image;
    return found.has_value();
  });
  return found;
}

std::optional<Image> loaded_image(const BuildId& id, bool executable) noexcept {
  std::optional<Image> found;
  visit_images([&](const Image& image) noexcept {
    if (image.executable == executable && image.build_id() == id) found = image;
    return found.has_value();
  });
  return found;
}

std::optional<BuildId> build_id_of_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ElfW(Ehdr) header{};
  if (!fd.valid() || !read_exactly(fd.get(), 0, std::as_writable_bytes(std::span(&header, 1))))
    return std::nullopt;
  const bool is_elf = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                      header.e_ident[EI_CLASS] == (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32) &&
                      header.e_phentsize == sizeof(ElfW(Phdr)) &&
                      header.e_phnum <= limits::image_segments_max;
  if (!is_elf) return std::nullopt;
  std::vector<ElfW(Phdr)> segments(header.e_phnum);
  if (!read_exactly(fd.get(), header.e_phoff, std::as_writable_bytes(std::span(segments))))
    return std::nullopt;
  for (const ElfW(Phdr) & segment : segments) {
    if (segment.p_type != PT_NOTE || segment.p_filesz > limits::image_note_bytes_max) continue;
    std::vector<std::byte> notes(segment.p_filesz);
    if (!read_exactly(fd.get(), segment.p_offset, notes)) continue;
    if (const auto id = find_build_id(notes, segment.p_align)) return id;
  }
  return std::nullopt;
}

}  // namespace forebay
