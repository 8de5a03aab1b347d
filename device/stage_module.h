#pragma once

#include <string>

#include "device/device_stage.h"

namespace forebay {

/// A user's device stage, found by name in its module. The module stays loaded for the life of the process:
/// its code may be on a device. Owner processes only.
class DeviceStageHandle {
 public:
  /// Loads `<module>.cpu.so` or `<module>.cuda.so` and finds `name` in it. Throws Error(usage) with one clear
  /// line: no such file, no stage module, another ABI, no such stage (and which there are).
  [[nodiscard]] static DeviceStageHandle load(const std::string& module, const std::string& name,
                                              DeviceKind kind);

  /// Runs the stage. Throws BackendError(recoverable) with the stage's own words where it fails.
  void run(const DeviceBatch& batch, StreamView stream) const;

 private:
  explicit DeviceStageHandle(const StageEntry& entry) noexcept : entry_(&entry) {}
  const StageEntry* entry_;
};

}  // namespace forebay
