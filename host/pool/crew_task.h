#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

#include "host/codec/decoder.h"
#include "host/codec/encoded.h"
#include "host/pool/payload.h"

namespace forebay {

struct TaskHead;
class CrewMember;

/// Who takes the outcome of a task. Every item gets exactly one of the first two calls, from whichever thread
/// found the outcome, without any lock of the crew held; calls for different items may be concurrent.
class TaskSink {
 public:
  TaskSink() = default;
  TaskSink(const TaskSink&) = delete;
  TaskSink& operator=(const TaskSink&) = delete;
  virtual ~TaskSink() = default;

  /// May throw: the item then counts as one that threw.
  virtual void returned(std::uint32_t item, Decoder& result) = 0;
  virtual void threw(std::uint32_t item, std::exception_ptr error) noexcept = 0;
  /// The item's index for its errors: where the task is a part of a map, in the whole.
  [[nodiscard]] virtual std::uint64_t index_of(std::uint32_t item) const noexcept { return item; }
  /// returned() with an empty result for `count` items: what functions give that give nothing.
  virtual void returned_nothing(std::uint32_t first, std::uint32_t count) noexcept {
    for (std::uint32_t item = first; item < first + count; ++item) {
      try {
        Decoder nothing({}, {});
        returned(item, nothing);
      } catch (...) {
        threw(item, std::current_exception());
      }
    }
  }
};

/// A task from its submission until its last item is done: kept whole, so that it can run again.
struct CrewTask {
  std::uint64_t serial = 0;
  std::uint32_t function = 0;  ///< index in the crew's table
  std::uint32_t next = 0;      ///< items before this one are done
  std::uint32_t count = 1;
  std::uint32_t deaths = 0;  ///< workers that died of item `next`
  Encoded arguments;
  std::optional<Payload> payload;  ///< where the arguments do not fit a ring; made at the first dispatch
  std::shared_ptr<TaskSink> sink;
  CrewMember* member = nullptr;  ///< who has it; nullptr: it waits
  TaskHead* head = nullptr;      ///< in that member's ring, as long as its block is not reclaimed
  std::uint64_t block = 0;       ///< RingWriter::last_block() of the head
};

}  // namespace forebay
