#include "device/cuda_module.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "device/cuda_module_api.h"
#include "device/fault_backend.h"

namespace forebay {
namespace {

constexpr const char* file_name = "forebay_cuda.so";

std::vector<std::filesystem::path> candidates() {
  if (const char* chosen = std::getenv("FOREBAY_CUDA_MODULE"); chosen != nullptr && *chosen != '\0')
    return {chosen};
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    // bin/forebay beside lib/forebay, and an application that carries the module with it.
    paths.push_back(executable.parent_path() / file_name);
    paths.push_back(executable.parent_path() / "lib" / "forebay" / file_name);
    paths.push_back(executable.parent_path().parent_path() / "lib" / "forebay" / file_name);
  }
#ifdef FOREBAY_CUDA_MODULE_FOLDER
  paths.emplace_back(std::filesystem::path(FOREBAY_CUDA_MODULE_FOLDER) / file_name);
#endif
#ifdef FOREBAY_CUDA_MODULE_INSTALLED
  paths.emplace_back(std::filesystem::path(FOREBAY_CUDA_MODULE_INSTALLED) / file_name);
#endif
  return paths;
}

std::optional<std::filesystem::path> find_module(std::string& why) {
  for (const auto& path : candidates()) {
    if (::access(path.c_str(), R_OK) == 0) return path;
  }
  why = fmt::format(
      "the CUDA module {} was not built or installed; build where nvcc is found, or set FOREBAY_CUDA_MODULE",
      file_name);
  return std::nullopt;
}

const CudaModule& load_module() {
  std::string why;
  const auto path = find_module(why);
  if (!path) throw Error(ErrorCode::no_device, why);
  // Local: its symbols, Thrust's templates among them, must meet nobody else's. Never closed: device code is
  // in it.
  void* handle = ::dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    throw Error(ErrorCode::no_device, fmt::format("cannot load the CUDA module: {}; install the CUDA runtime",
                                                  reason == nullptr ? "unknown reason" : reason));
  }
  using Entry = const CudaModule* (*)();
  const auto entry = reinterpret_cast<Entry>(::dlsym(handle, "forebay_cuda_module"));
  const CudaModule* module = entry == nullptr ? nullptr : entry();
  if (module == nullptr || module->abi != cuda_module_abi) {
    throw Error(ErrorCode::no_device,
                fmt::format("{} belongs to another Forebay; rebuild it", path->string()));
  }
  return *module;
}

/// Keeps the module's way of closing beside the backend that it opened.
class ModuleBackend final : public Backend {
 public:
  ModuleBackend(const CudaModule& module, Backend& inner) noexcept : inner_(&inner, module.close) {}

  [[nodiscard]] BackendInfo info() const override { return inner_->info(); }
  void pin(std::span<std::byte> range) override { inner_->pin(range); }
  void unpin(std::span<std::byte> range) noexcept override { inner_->unpin(range); }
  void begin_batch(std::uint32_t lane, const BatchSpec& spec, std::span<std::byte> result) override {
    inner_->begin_batch(lane, spec, result);
  }
  Ticket add_chunk(std::uint32_t lane, std::span<const std::byte> chunk,
                   std::span<const ItemOp> items) override {
    return inner_->add_chunk(lane, chunk, items);
  }
  std::uint32_t load_stage(const std::string& module, const std::string& name) override {
    return inner_->load_stage(module, name);
  }
  Ticket end_batch(std::uint32_t lane, std::uint32_t rows, std::span<const std::uint32_t> stages) override {
    return inner_->end_batch(lane, rows, stages);
  }
  void abandon(std::uint32_t lane) override { inner_->abandon(lane); }
  [[nodiscard]] bool done(Ticket ticket) override { return inner_->done(ticket); }
  void wait(Ticket ticket) override { inner_->wait(ticket); }

 private:
  std::unique_ptr<Backend, void (*)(Backend*) noexcept> inner_;
};

}  // namespace

bool cuda_module_available(std::string* why) {
  std::string reason;
  if (find_module(reason)) return true;
  if (why != nullptr) *why = std::move(reason);
  return false;
}

std::vector<CudaDevice> cuda_probe() {
  const CudaModule& module = load_module();
  std::array<char, 256> text{};
  const int count = module.count(text.data(), text.size());
  if (count < 0) throw Error(ErrorCode::no_device, text.data());
  std::vector<CudaDevice> devices;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    std::uint64_t memory_bytes = 0;
    if (module.describe(ordinal, text.data(), text.size(), &memory_bytes))
      devices.push_back({text.data(), memory_bytes});
  }
  return devices;
}

std::unique_ptr<Backend> make_cuda_backend(int ordinal) {
  const CudaModule& module = load_module();
  std::array<char, 256> text{};
  std::uint32_t code = static_cast<std::uint32_t>(ErrorCode::no_device);
  Backend* backend = module.open(ordinal, text.data(), text.size(), &code);
  if (backend == nullptr) throw Error(static_cast<ErrorCode>(code), text.data());
  return with_faults(std::make_unique<ModuleBackend>(module, *backend));
}

}  // namespace forebay
