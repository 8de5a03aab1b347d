#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "device/cuda_module.h"
#include "pipeline/cli/cuda_devices.h"
#include "pipeline/cli/finding.h"

namespace forebay::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* section = "cuda";
using State = Finding::State;

std::vector<std::string> folders_of(const char* variable) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
  std::vector<std::string> folders;
  std::string_view rest = value == nullptr ? "" : value;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    if (colon != 0) folders.emplace_back(rest.substr(0, colon));
    rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  }
  return folders;
}

/// The first of `folders` that has `file`; looks at paths only, loads nothing.
std::string find_in(std::vector<std::string> folders, std::initializer_list<const char*> usual,
                    std::string_view file) {
  folders.insert(folders.end(), usual.begin(), usual.end());
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path path = fs::path(folder) / file;
    if (fs::exists(path, error)) return path.string();
  }
  return {};
}

Finding examine_toolkit() {
  const std::string nvcc = find_in(folders_of("PATH"), {"/usr/local/cuda/bin", "/opt/cuda/bin"}, "nvcc");
  if (nvcc.empty())
    return {section, "toolkit", State::lacks, "no nvcc; needed to build the CUDA module only"};
  return {section, "toolkit", State::ok, nvcc};
}

Finding examine_driver() {
  const std::string library =
      find_in(folders_of("LD_LIBRARY_PATH"),
              {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
               "/usr/lib/wsl/lib", "/usr/local/cuda/compat"},
              "libcuda.so.1");
  std::error_code error;
  const bool node = fs::exists("/dev/nvidiactl", error) || fs::exists("/dev/dxg", error);
  if (!library.empty() && node) return {section, "driver", State::ok, library};
  if (library.empty() && !node)
    return {section, "driver", State::lacks, "no libcuda.so.1 and no /dev/nvidiactl"};
  return {section, "driver", State::lacks,
          node ? "/dev/nvidiactl, but no libcuda.so.1" : library + ", but no /dev/nvidiactl"};
}

Finding examine_module() {
  std::string why;
  if (cuda_module_available(&why)) return {section, "module", State::ok, "Forebay's CUDA module is built"};
  return {section, "module", State::lacks, why};
}

/// Without a module there is nobody who could ask.
Finding examine_devices(bool module) {
  if (!module) return {section, "devices", State::lacks, "not asked for: there is no module to do it"};
  const CudaDevices devices = ask_for_cuda_devices();
  if (devices.names.empty()) return {section, "devices", State::lacks, devices.error};
  std::string text;
  for (std::size_t i = 0; i < devices.names.size(); ++i) {
    text += fmt::format("{}cuda:{} {}", i == 0 ? "" : ", ", i, devices.names[i]);
  }
  return {section, "devices", State::ok, text};
}

}  // namespace

Findings examine_cuda() {
  Finding module = examine_module();
  Finding devices = examine_devices(module.state == State::ok);
  return {examine_toolkit(), examine_driver(), std::move(module), std::move(devices)};
}

}  // namespace forebay::cli
