#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>

#include "device/tensor_view.h"

/// What a user's device stage is written against. A stage is a default-constructible functor
///
///     struct Invert { void operator()(const forebay::DeviceBatch& batch, forebay::StreamView stream) const;
///     }; FOREBAY_DEVICE_STAGE(Invert)
///
/// in a module built by the CMake function forebay_device_module. The owner loads the module, and calls the
/// stage with the finished batch on the device; it changes the rows in place (same dtype and shape) and
/// enqueues its work on the stream.
namespace forebay {

/// The finished rows: a batch's, or, where the device is short of memory or has failed at the batch before, a
/// part of them. So a stage has to treat each row for itself. `rows.data` is a device pointer on cuda, host
/// memory on cpu.
struct DeviceBatch {
  TensorView rows;
  Device device;
};

/// A stream that the owner holds: a cudaStream_t on cuda, null on cpu. Work enqueued on it is ordered behind
/// the batch.
struct StreamView {
  void* native = nullptr;
};

/// Bump with every change of DeviceBatch, StreamView, TensorView or StageEntry.
inline constexpr std::uint32_t stage_abi = 1;

/// A stage as its module exports it. `run` returns 0, or fills `error` (zero-terminated) and returns 1.
struct StageEntry {
  const char* name;
  int (*run)(const DeviceBatch& batch, StreamView stream, char* error, std::size_t error_bytes) noexcept;
  const StageEntry* next;
};

struct StageTable {
  std::uint32_t abi;
  const StageEntry* first;
};

namespace detail {

/// The module's list of stages; every FOREBAY_DEVICE_STAGE of the module adds itself before the first is
/// looked up.
inline StageTable& module_stages() noexcept {
  static StageTable table{stage_abi, nullptr};
  return table;
}

template <typename Stage>
int run_stage(const DeviceBatch& batch, StreamView stream, char* error, std::size_t error_bytes) noexcept {
  try {
    Stage{}(batch, stream);
    return 0;
  } catch (const std::exception& failure) {
    static_cast<void>(std::snprintf(error, error_bytes, "%s", failure.what()));
  } catch (...) {
    static_cast<void>(std::snprintf(error, error_bytes, "it threw something that is no std::exception"));
  }
  return 1;
}

template <typename Stage>
class StageRegistration {
 public:
  explicit StageRegistration(const char* name) noexcept
      : entry_{name, &run_stage<Stage>, module_stages().first} {
    module_stages().first = &entry_;
  }

 private:
  StageEntry entry_;
};

}  // namespace detail
}  // namespace forebay

/// Exports a stage by its type's name. At namespace scope, once per stage.
#define FOREBAY_DEVICE_STAGE(Stage)                                                                  \
  static const forebay::detail::StageRegistration<Stage> forebay_stage_registration_##Stage(#Stage); \
  extern "C" __attribute__((weak, visibility("default"))) const forebay::StageTable*                 \
  forebay_device_stages() {                                                                          \
    return &forebay::detail::module_stages();                                                        \
  }                                                                                                  \
  static_assert(true, "a semicolon belongs here")
