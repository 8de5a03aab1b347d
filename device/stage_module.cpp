#include "device/stage_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "device/backend.h"

namespace forebay {

DeviceStageHandle DeviceStageHandle::load(const std::string& module, const std::string& name,
                                          DeviceKind kind) {
  const std::string path = module + (kind == DeviceKind::cuda ? ".cuda.so" : ".cpu.so");
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    throw Error(ErrorCode::usage, fmt::format("cannot load the device stage's module {}: {}; build it with "
                                              "forebay_device_module and name it without its suffix",
                                              path, reason == nullptr ? "unknown reason" : reason));
  }
  using Entry = const StageTable* (*)();
  const auto entry = reinterpret_cast<Entry>(::dlsym(handle, "forebay_device_stages"));
  if (entry == nullptr) {
    throw Error(ErrorCode::usage, fmt::format("{} exports no device stage; use FOREBAY_DEVICE_STAGE", path));
  }
  const StageTable* table = entry();
  if (table->abi != stage_abi) {
    throw Error(ErrorCode::usage,
                fmt::format("{} was built for another Forebay (stage ABI {}, this is {}); rebuild it", path,
                            table->abi, stage_abi));
  }
  std::string known;
  for (const StageEntry* stage = table->first; stage != nullptr; stage = stage->next) {
    if (name == stage->name) return DeviceStageHandle(*stage);
    known += (known.empty() ? "" : ", ") + std::string(stage->name);
  }
  throw Error(ErrorCode::usage, fmt::format("{} has no device stage '{}'; it has: {}", path, name, known));
}

void DeviceStageHandle::run(const DeviceBatch& batch, StreamView stream) const {
  std::array<char, 256> error{};
  if (entry_->run(batch, stream, error.data(), error.size()) == 0) return;
  throw BackendError(BackendError::Kind::recoverable,
                     fmt::format("device stage '{}' failed: {}", entry_->name, error.data()));
}

}  // namespace forebay
