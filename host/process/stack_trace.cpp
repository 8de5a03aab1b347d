#include "host/process/stack_trace.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <unwind.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "host/contract.h"
#include "host/process/image.h"
#include "host/process/symbol_table.h"

namespace forebay {
namespace {

thread_local TraceScope* active = nullptr;

struct Walk {
  std::uintptr_t first;  // frames before this return address are the hook's own
  std::span<std::uintptr_t> frames;
  std::size_t depth = 0;
  bool started = false;
};

_Unwind_Reason_Code visit(_Unwind_Context* context, void* data) {
  auto& walk = *static_cast<Walk*>(data);
  int before_instruction = 0;
  const std::uintptr_t address = _Unwind_GetIPInfo(context, &before_instruction);
  if (address == 0 || walk.depth == walk.frames.size()) return _URC_END_OF_STACK;
  walk.started = walk.started || address == walk.first;
  // A return address may lie in the next line, even in the next function: step back into the call.
  if (walk.started) walk.frames[walk.depth++] = before_instruction != 0 ? address : address - 1;
  return _URC_NO_REASON;
}

using Throw = void (*)(void* object, void* type, void (*destructor)(void*));

/// The C++ runtime's own (or a sanitizer's), which ours hides.
Throw real_throw() noexcept {
  static const auto found = reinterpret_cast<Throw>(::dlsym(RTLD_NEXT, "__cxa_throw"));
  expect(found != nullptr, "the C++ runtime is a shared library, or has its own __cxa_throw linked");
  return found;
}

std::string path_of(const Image& image) {
  if (!image.executable) return image.name;
  std::error_code failed;
  const std::string path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "/proc/self/exe" : path;
}

std::string name_of(std::uintptr_t address, const Image& image) {
  if (const auto table = SymbolTable::of(image)) {
    const std::string name = table->name_at(address - image.base);
    if (!name.empty()) return name;
  }
  Dl_info info{};
  const bool named =
      ::dladdr(reinterpret_cast<const void*>(address), &info) != 0 && info.dli_sname != nullptr;
  return named ? info.dli_sname : "";
}

std::string describe(std::uintptr_t address) {
  const std::optional<Image> image = image_of_code(reinterpret_cast<const void*>(address));
  if (!image) return fmt::format("0x{:x}", address);
  const std::string place = fmt::format("{}+0x{:x}", path_of(*image), address - image->base);
  std::string name = demangled(name_of(address, *image).c_str());
  if (name.empty()) return place;
  // The place must stay whole for addr2line; names of templates have no end.
  constexpr std::size_t name_bytes_max = limits::exception_frame_bytes_max / 2;
  if (name.size() > name_bytes_max) name = name.substr(0, name_bytes_max) + " [cut]";
  return fmt::format("{} ({})", name, place);
}

}  // namespace

TraceScope::TraceScope() noexcept : outer_(active) { active = this; }

TraceScope::~TraceScope() { active = outer_; }

std::span<const std::uintptr_t> TraceScope::trace_of(const void* object) noexcept {
  for (const TraceScope* scope = active; scope != nullptr; scope = scope->outer_) {
    const std::size_t count = scope->throws_.size();
    for (std::size_t age = 1; age <= count; ++age) {  // the newest first: addresses are used again
      const Throw& record = scope->throws_[(scope->next_ + count - age) % count];
      if (record.object == object) return {record.frames.data(), record.depth};
    }
  }
  return {};
}

void TraceScope::remember(const void* object, const void* caller) noexcept {
  Throw& record = throws_[next_];
  next_ = (next_ + 1) % throws_.size();
  Walk walk{reinterpret_cast<std::uintptr_t>(caller), record.frames};
  // Unlike backtrace() it is linked, not loaded by the first call.
  _Unwind_Backtrace(&visit, &walk);
  record.object = object;
  record.depth = walk.depth;
}

std::vector<std::string> describe_frames(std::span<const std::uintptr_t> addresses) {
  std::vector<std::string> lines;
  lines.reserve(addresses.size());
  for (const std::uintptr_t address : addresses) lines.push_back(describe(address));
  return lines;
}

std::string demangled(const char* name) {
  struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  int status = 0;
  const std::unique_ptr<char, Free> text(abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return status == 0 && text ? text.get() : name;
}

}  // namespace forebay

/// Every throw of the program, and of libraries that it loads, comes here first. Weak: an application's own
/// definition wins. Where the C++ runtime is linked statically, its definition wins. The type's pointer is a
/// std::type_info*; the compiler's own declaration says void*.
extern "C" [[gnu::weak, noreturn, gnu::visibility("default")]] void __cxa_throw(void* object, void* type,
                                                                                void (*destructor)(void*)) {
  if (forebay::active != nullptr) [[unlikely]]
    forebay::active->remember(object, __builtin_return_address(0));
  forebay::real_throw()(object, type, destructor);
  std::abort();  // it does not return
}
