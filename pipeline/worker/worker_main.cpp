#include "pipeline/worker/worker_main.h"

#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/function.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/slot_life.h"
#include "pipeline/flow/strip.h"
#include "pipeline/worker/item_runner.h"
#include "pipeline/worker/memory_limit.h"
#include "pipeline/worker/step_mark.h"

namespace forebay {
namespace {

/// Receives until the deadline of an idle worker, again and again: a worker outlives any pause of its
/// coordinator, and the channel closes when the coordinator ends.
bool receive(Channel& channel, Received& into) {
  while (true) {
    switch (channel.receive_until(into, std::chrono::steady_clock::now() + limits::idle_poll)) {
      case ReceiveResult::received: return true;
      case ReceiveResult::closed: return false;
      case ReceiveResult::would_block: break;
    }
  }
}

template <typename T>
T require(const Received& received) {
  const std::optional<T> message = message_as<T>(received);
  if (!message)
    throw Error(ErrorCode::protocol, "the coordinator sent something that is no message of this protocol");
  return *message;
}

template <typename T>
bool send(Channel& channel, const T& message) {
  const auto deadline = std::chrono::steady_clock::now() + limits::worker_silence;
  return channel.send_until({reinterpret_cast<const std::byte*>(&message), sizeof(T)}, {}, deadline) ==
         SendResult::sent;
}

/// One worker's life: its strip, its runner, the job in work.
class Worker {
 public:
  Worker(Strip strip, const WorkerSetup& setup, std::vector<HostStage> stages)
      : strip_(std::move(strip)), files_(setup.files != 0), runner_(setup, std::move(stages)) {}

  ChunkDone run(const Job& job, std::vector<UniqueFd> fds) {
    if (job.slot >= strip_.layout().slots || job.count > chunk_items_max || job.resume_at > job.count ||
        job.payload_used > strip_.layout().payload_bytes) {
      throw Error(ErrorCode::protocol, "the coordinator sent a job outside of this worker's strip");
    }
    SlotHeader& header = strip_.slot_header(job.slot);
    header.generation = job.generation;
    header.first_item = job.first_item;
    std::uint64_t begin = job.payload_used;
    std::size_t next_fd = 0;
    std::uint32_t position = job.resume_at;
    for (; position < job.count; ++position) {
      StepMark mark(strip_, job.generation, position);
      slot_step("pipeline.worker.begun");
      ItemDescriptor descriptor;
      if ((job.skip_mask >> position & 1U) != 0) {
        descriptor.index = job.first_item + position;
        descriptor.error = ItemErrorCode::io_error;  // the coordinator knows better and overrides it
        descriptor.offset = descriptor.payload_end = begin;
      } else {
        if (files_ && next_fd >= fds.size()) throw Error(ErrorCode::protocol, "a job came without its files");
        UniqueFd file = files_ ? std::move(fds[next_fd++]) : UniqueFd();
        const auto outcome = runner_.run({job.first_item + position, job.items[position], job.epoch},
                                         file.get(), strip_.payload(job.slot), begin, descriptor, mark);
        if (outcome == ItemRunner::Outcome::full) break;
        if (outcome == ItemRunner::Outcome::memory_limit) ::_exit(1);  // the progress word says why
      }
      begin = descriptor.payload_end;
      slot_step("pipeline.worker.filled");
      strip_.descriptor(job.slot, position) = descriptor;
      slot_step("pipeline.worker.described");
    }
    header.count = position;
    strip_.publish_progress({job.generation, ItemStep::done, static_cast<std::uint8_t>(position), false});
    slot_step("pipeline.worker.finished");
    ChunkDone done;
    done.slot = job.slot;
    done.done = position;
    done.generation = job.generation;
    return done;
  }

 private:
  Strip strip_;
  bool files_;
  ItemRunner runner_;
};

}  // namespace

int worker_main(Channel channel) {
  slot_step("pipeline.worker.entered");
  const auto received = std::make_unique<Received>();
  if (!receive(channel, *received)) return 0;
  const auto setup = require<WorkerSetup>(*received);
  if (received->fds.size() != 1) throw Error(ErrorCode::protocol, "the set-up came without a strip");
  Strip strip = Strip::open(std::move(received->fds[0]), {setup.slots, setup.payload_bytes});
  slot_step("pipeline.worker.opened");
  std::vector<HostStage> stages;
  for (std::uint32_t i = 0; i < setup.host_stages; ++i) {
    if (!receive(channel, *received)) return 0;
    const auto stage = require<HostStageMessage>(*received);
    stages.push_back(
        reinterpret_cast<HostStage>(reinterpret_cast<std::uintptr_t>(resolve_function(stage.function))));
  }
  Worker worker(std::move(strip), setup, std::move(stages));
  if (setup.item_memory_bytes != 0) limit_memory(setup.item_memory_bytes);
  if (!send(channel, Hello{})) return 0;
  slot_step("pipeline.worker.hello");
  while (receive(channel, *received)) {
    const auto job = require<Job>(*received);
    slot_step("pipeline.worker.received");
    if (!send(channel, worker.run(job, std::move(received->fds)))) return 0;
    slot_step("pipeline.worker.reported");
    received->fds.clear();
  }
  return 0;
}

}  // namespace forebay
