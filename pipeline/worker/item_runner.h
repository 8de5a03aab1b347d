#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/decode/encoded_file.h"
#include "pipeline/flow/messages.h"
#include "pipeline/item.h"
#include "pipeline/worker/scratch.h"
#include "pipeline/worker/step_mark.h"

namespace forebay {

/// Which item it is: `number` counts the run's items for the protocol; `item` and `epoch` are what randomness
/// is keyed by.
struct ItemKey {
  std::uint64_t number = 0;
  std::uint64_t item = 0;
  std::uint64_t epoch = 0;
};

/// Runs one item after the other into the payload of a slot: read, decode, prepare, host stages. What goes
/// wrong with an item ends up in its descriptor. One thread; no thread of its own.
class ItemRunner {
 public:
  ItemRunner(const WorkerSetup& setup, std::vector<HostStage> stages);

  enum class Outcome {
    done,          ///< the descriptor is complete (possibly a failure)
    full,          ///< the item does not fit behind the others: it belongs into another slot
    memory_limit,  ///< an allocation failed, under --item-memory-mb or without; the step says so too
  };

  /// `payload` is the slot's, used up to `begin`; `fd` is the open file, or -1 where the source has none.
  /// Never throws for an item's sake.
  Outcome run(const ItemKey& key, int fd, std::span<std::byte> payload, std::uint64_t begin,
              ItemDescriptor& out, StepMark& mark);

 private:
  struct Picture;
  Outcome run_picture(int fd, std::span<std::byte> payload, ItemDescriptor& out, StepMark& mark);
  Outcome leave_region(const Picture& picture, std::span<std::byte> payload, ItemDescriptor& out,
                       StepMark& mark);
  void prepare_picture(const Picture& picture, std::span<std::byte> payload, ItemDescriptor& out,
                       StepMark& mark);
  Outcome run_stages(std::span<std::byte> payload, ItemDescriptor& out, StepMark& mark);

  WorkerSetup setup_;
  ItemKey key_;  // of the item in work
  std::vector<HostStage> stages_;
  EncodedFile file_;
  Scratch pixels_;
  Scratch tables_;
};

}  // namespace forebay
