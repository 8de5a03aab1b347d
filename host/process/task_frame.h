#pragma once

#include <cstdint>
#include <exception>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"

namespace forebay {

/// Where a task's outcome goes: implemented by whoever runs tasks. Called by the task's thread only.
class TaskReport {
 public:
  TaskReport() = default;
  TaskReport(const TaskReport&) = delete;
  TaskReport& operator=(const TaskReport&) = delete;
  virtual ~TaskReport() = default;

  /// Item `item` begins: from here on its arguments are read and its function runs.
  virtual void started(std::uint32_t item) = 0;
  /// Where the item's result is written; empty.
  [[nodiscard]] virtual Encoder& result() = 0;
  /// The item has returned; its result is complete.
  virtual void returned(std::uint32_t item) = 0;
  /// The item has thrown, or its arguments or result could not be decoded or encoded.
  virtual void threw(std::uint32_t item, std::exception_ptr error) = 0;
};

/// What a task runs against in its process: `count` items, one call each, whose arguments lie one after
/// another in `arguments`. The items before `first` are done already: their arguments are skipped.
struct TaskFrame {
  Decoder& arguments;
  const void* target = nullptr;  ///< the plain function to call; nullptr where the entry knows
  std::uint32_t first = 0;
  std::uint32_t count = 1;
  TaskReport& report;
};

/// The function that another process enters to run a task: it decodes, calls, and reports. It does not throw,
/// unless the report does.
using TaskEntry = void (*)(TaskFrame& frame);

/// A function as this process's addresses; see function_id_of() for how it crosses exec.
struct TargetRef {
  TaskEntry entry = nullptr;
  const void* target = nullptr;
  friend bool operator==(const TargetRef&, const TargetRef&) = default;
};

}  // namespace forebay
