#include "host/process/function.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "host/error.h"
#include "host/process/image.h"

namespace forebay {
namespace {

std::string hex(const BuildId& id) {
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) text += fmt::format("{:02x}", id[i]);
  return text;
}

/// The library's file, absolute: another process may look for it from another folder.
std::string absolute(const char* name) {
  struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  const std::unique_ptr<char, Free> path(::realpath(name, nullptr));
  return path ? path.get() : name;
}

Error differs(const FunctionId& id, const std::string& found) {
  const std::string image = id.path[0] == '\0' ? "the executable" : id.path.data();
  return Error(ErrorCode::protocol,
               fmt::format("worker binary differs: {} should have build id {}… but {}; rebuild and start all "
                           "processes from the same files",
                           image, hex(id.image), found));
}

/// The build id is compared before the library is loaded (loading runs its code), and again afterwards by the
/// search for it: the file may be replaced in between. It is never unloaded: its functions may be in use.
void load_library(const FunctionId& id) {
  const std::optional<BuildId> on_disk = build_id_of_file(id.path.data());
  if (!on_disk) throw differs(id, "its file cannot be read or has none");
  if (*on_disk != id.image) throw differs(id, "its file has " + hex(*on_disk) + "…");
  if (::dlopen(id.path.data(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
    const char* reason = ::dlerror();
    throw Error(ErrorCode::environment, fmt::format("cannot load {}: {}", id.path.data(),
                                                    reason != nullptr ? reason : "unknown reason"));
  }
}

}  // namespace

FunctionId function_id_of(const void* address) {
  const std::optional<Image> image = image_of_code(address);
  if (!image) {
    throw Error(
        ErrorCode::usage,
        fmt::format("{} is no function of the program or of a library that it loaded, so it cannot run in "
                    "another process",
                    address));
  }
  const std::optional<BuildId> build_id = image->build_id();
  if (!build_id) {
    throw Error(ErrorCode::usage, fmt::format("{} has no build id; link it with -Wl,--build-id",
                                              image->executable ? "the executable" : image->name));
  }
  FunctionId id;
  id.image = *build_id;
  id.offset = reinterpret_cast<std::uintptr_t>(address) - image->base;
  if (!image->executable) {
    const std::string path = absolute(image->name);
    if (path.empty() || path.size() >= id.path.size()) {
      throw Error(ErrorCode::usage,
                  fmt::format("the path of the library \"{}\" has {} bytes, but at most {} can be "
                              "sent to another process; install it in a shorter path",
                              path, path.size(), id.path.size() - 1));
    }
    std::copy(path.begin(), path.end(), id.path.begin());
  }
  return id;
}

const void* resolve_function(const FunctionId& id) {
  const bool ended = std::find(id.path.begin(), id.path.end(), '\0') != id.path.end();
  if (!ended || id.empty()) throw Error(ErrorCode::protocol, "received a function id that names no function");
  const bool executable = id.path[0] == '\0';
  std::optional<Image> image = loaded_image(id.image, executable);
  if (!image && !executable) {
    load_library(id);
    image = loaded_image(id.image, executable);
  }
  if (!image) {
    const std::optional<BuildId> own =
        executable ? build_id_of_file("/proc/self/exe") : build_id_of_file(id.path.data());
    throw differs(id, own ? "this process runs " + hex(*own) + "…" : "this process's has none");
  }
  if (!image->has_code_at(id.offset)) {
    throw Error(ErrorCode::protocol,
                fmt::format("received a function id whose offset {} lies outside of the code of {}",
                            id.offset, executable ? "the executable" : id.path.data()));
  }
  return reinterpret_cast<const void*>(image->base + id.offset);
}

}  // namespace forebay
