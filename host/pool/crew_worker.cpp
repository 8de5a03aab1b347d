#include "host/pool/crew_worker.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/pool/crew_error.h"
#include "host/pool/crew_link.h"
#include "host/pool/payload.h"
#include "host/process/crash_point.h"
#include "host/process/process_info.h"
#include "host/process/remote_error.h"
#include "host/process/stack_trace.h"
#include "host/process/task_frame.h"
#include "host/sync/fence.h"
#include "host/sync/futex.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

/// A function that the pool has named, or why it cannot be found here.
struct Defined {
  TargetRef function;
  std::exception_ptr error;
};

/// The worker's end of its link.
///
/// Invariants:
///  1. One thread: tasks run one after another, and only this thread touches the rings and the channel.
///  2. `progress` names an item from before its arguments are read until the next one begins; its result is
///     complete in the ring, or it is nothing, before `progress` moves on. So what the pool finds after this
///     process's death is exact: the item that `progress` names was running, unless its result is there;
///     those of the task before it without a result have returned nothing.
class CrewWorker final : public TaskReport {
 public:
  CrewWorker(Channel channel, const CrewSetup& setup, SealedMemory memory, UniqueFd doorbell)
      : channel_(std::move(channel)),
        memory_(std::move(memory)),
        doorbell_(std::move(doorbell)),
        link_(memory_.bytes()),
        tasks_(link_.words.tasks, link_.tasks),
        results_(link_.words.results, link_.results),
        setup_(setup),
        rss_at_start_(setup.memory_growth_bytes != 0 ? rss_bytes(::getpid()).value_or(0) : 0),
        memory_looked_at_(Clock::now()) {}

  int run() {
    write_result({ResultKind::ready, 0, 0, 0, 0, 0}, {});
    ring_doorbell();
    while (true) {
      const std::span<std::byte> block = next_task();
      auto& head = *std::launder(reinterpret_cast<TaskHead*>(block.data()));
      const std::span<const std::byte> inline_payload = block.subspan(sizeof(TaskHead));
      crash_point("worker.task.seen");
      if (head.kind == TaskKind::stop) {
        crash_point("worker.stop.seen");
        return 0;
      }
      if (head.kind == TaskKind::define) {
        define(inline_payload);
      } else {
        take(head, inline_payload);
      }
      if (unable_) {
        ring_doorbell();
        return 1;
      }
      tasks_.pop();
      crash_point("worker.task.popped");
      if (setup_.memory_growth_bytes != 0) look_at_memory();
    }
  }

  // --- TaskReport ---
  void started(std::uint32_t item) override {
    auto& progress = link_.words.progress;
    if (setup_.timed == 0) {
      progress.store(progress_of(serial_, item), std::memory_order_release);  // read after our death
    } else {
      const std::chrono::nanoseconds now = Clock::now().time_since_epoch();
      link_.words.began_ns.store(now.count(), std::memory_order_relaxed);
      // Releases the time to CrewMember::work(), whose compare and swap in condemn() this is up against.
      const auto before = progress.exchange(progress_of(serial_, item), std::memory_order_acq_rel);
      if (before == progress_condemned) static_cast<void>(::raise(SIGKILL));  // the pool is about to
    }
    crash_point("worker.item.started");
  }
  Encoder& result() override {
    encoder_.clear();
    return encoder_;
  }
  void returned(std::uint32_t item) override {
    crash_point("worker.item.returned");
    // Nothing to tell, but at the end of the task; see ResultHead.
    if (item + 1 < count_ && encoder_.encoded().bytes.empty() && encoder_.encoded().fds.empty()) return;
    try {
      send({ResultKind::returned, item, serial_, 0, 0, 0}, encoder_);
    } catch (const std::exception& error) {
      // Nothing of it is in the ring. Caught here, it is this item's failure and not its neighbours' too.
      threw(item,
            std::make_exception_ptr(ResultNotSent(std::string("cannot send the result: ") + error.what())));
    }
  }
  void threw(std::uint32_t item, std::exception_ptr error) override {
    crash_point("worker.item.threw");
    unable_ = initialising_;  // the tasks behind a failed initializer are not to run
    const std::vector<std::byte> bytes = encode_exception(error, ::getpid(), serial_, {});
    encoder_.clear();
    encoder_.write(bytes.data(), bytes.size());
    send({initialising_ ? ResultKind::initialiser_threw : ResultKind::threw, item, serial_, 0, 0, 0},
         encoder_);
  }

 private:
  /// Waits for the next task: spins a while where cores are left over, then sleeps. The doorbell for the last
  /// result is held back for some of that time, in which a caller that spins takes the result unasked: then
  /// nobody has to be woken.
  std::span<std::byte> next_task() {
    const bool may_spin = link_.words.busy.load(std::memory_order_relaxed) + 1 <= setup_.cores;
    const auto begin = may_spin ? Clock::now() : Clock::time_point{};
    while (true) {
      if (const auto block = tasks_.peek()) {
        if (block->size() < sizeof(TaskHead))
          throw Error(ErrorCode::protocol, "received a task without a head");
        ring_if_due();
        return *block;
      }
      const auto spun = may_spin ? Clock::now() - begin : Clock::duration::max();
      if (doorbell_due_ && (results_.drained() || spun >= limits::crew_doorbell_delay)) ring_if_due();
      if (spun < limits::crew_spin) {
        spin_pause();
        continue;
      }
      if (!tasks_.announce()) continue;
      crash_point("worker.sleep");
      // The pool wakes this; and when the pool's process ends, so does this one (PDEATHSIG).
      futex_wait(link_.words.tasks.reader_waits, 1, Clock::now() + limits::idle_poll);
      tasks_.withdraw();
    }
  }

  void ring_if_due() {
    if (!doorbell_due_) return;
    doorbell_due_ = false;
    if (!results_.drained()) ring_doorbell();
  }

  void define(std::span<const std::byte> payload) {
    Defined defined;
    try {
      FunctionNote note;
      if (payload.size() < sizeof(note))
        throw Error(ErrorCode::protocol, "received a function without a name");
      std::memcpy(&note, payload.data(), sizeof(note));
      defined.function.entry =
          reinterpret_cast<TaskEntry>(reinterpret_cast<std::uintptr_t>(resolve_function(note.entry)));
      if (!note.target.empty()) defined.function.target = resolve_function(note.target);
    } catch (...) {
      defined.error = std::current_exception();
    }
    functions_.push_back(std::move(defined));
    crash_point("worker.function.defined");
  }

  void take(TaskHead& head, std::span<const std::byte> inline_payload) {
    auto expected = static_cast<std::uint32_t>(TaskState::pending);
    const bool mine = head.state.compare_exchange_strong(
        expected, static_cast<std::uint32_t>(TaskState::running), std::memory_order_acq_rel);
    if (mine) crash_point("worker.task.claimed");
    Payload payload;
    if (head.on_channel != 0) payload = Payload::receive(channel_, head.serial);  // also where it was revoked
    if (!mine) {
      crash_point("worker.task.revoked");
      return;
    }
    if (head.on_channel != 0) crash_point("worker.payload.received");
    serial_ = head.serial;
    count_ = head.count;
    initialising_ = head.kind == TaskKind::initialise;
    run_task(head, head.on_channel != 0 ? payload.bytes() : inline_payload.first(head.payload_bytes),
             payload.fds());
    doorbell_due_ = true;
  }

  void run_task(const TaskHead& head, std::span<const std::byte> bytes, std::span<UniqueFd> fds) {
    if (head.function >= functions_.size())
      throw Error(ErrorCode::protocol, "received a task without a function");
    const Defined& defined = functions_[head.function];
    if (defined.error) {
      for (std::uint32_t item = head.first; item < head.count; ++item) threw(item, defined.error);
      return;
    }
    const TraceScope trace;
    Decoder arguments(bytes, fds);
    TaskFrame frame{arguments, defined.function.target, head.first, head.count, *this};
    defined.function.entry(frame);
  }

  void send(ResultHead head, Encoder& encoder) {
    const Encoded& encoded = encoder.encoded();
    if (encoded.bytes.size() <= crew_inline_bytes_max && encoded.fds.empty()) {
      head.payload_bytes = static_cast<std::uint32_t>(encoded.bytes.size());
      write_result(head, encoded.bytes);
    } else {
      Payload::send(channel_, head.serial, encoded, Clock::now() + limits::crew_send);
      crash_point("worker.payload.sent");
      head.on_channel = 1;
      write_result(head, {});
    }
    // A chunk's results are announced together, but for a ring that fills. Each announcement is a fence.
    if (unannounced_bytes_ > limits::crew_ring_bytes / 4) ring_doorbell();
  }

  void write_result(const ResultHead& head, std::span<const std::byte> payload) {
    const std::size_t bytes = sizeof(head) + payload.size();
    auto room = results_.reserve(bytes);
    while (!room) room = wait_for_room(bytes);
    std::memcpy(room->data(), &head, sizeof(head));
    if (!payload.empty()) std::memcpy(room->data() + sizeof(head), payload.data(), payload.size());
    crash_point("worker.result.written");
    results_.commit();
    unannounced_bytes_ += bytes;
    crash_point("worker.result.committed");
  }

  std::optional<std::span<std::byte>> wait_for_room(std::size_t bytes) {
    ring_doorbell();
    auto& waits = link_.words.results.writer_waits;
    waits.store(1, std::memory_order_relaxed);
    sequential_fence();  // pairs with the one in RingReader::must_wake
    auto room = results_.reserve(bytes);
    if (!room) {
      crash_point("worker.ring.full");
      futex_wait(waits, 1, Clock::now() + limits::idle_poll);
      room = results_.reserve(bytes);
    }
    waits.store(0, std::memory_order_relaxed);
    return room;
  }

  void ring_doorbell() {
    unannounced_bytes_ = 0;
    if (!results_.must_wake()) return;
    crash_point("worker.doorbell.due");
    const std::uint64_t one = 1;
    // A full counter (EAGAIN) rings as well.
    static_cast<void>(::write(doorbell_.get(), &one, sizeof(one)));
    crash_point("worker.doorbell.rung");
  }

  void look_at_memory() {
    const auto now = Clock::now();
    if (now - memory_looked_at_ < limits::crew_memory_look) return;
    memory_looked_at_ = now;
    const std::uint64_t rss = rss_bytes(::getpid()).value_or(0);
    if (rss > rss_at_start_ + setup_.memory_growth_bytes) {
      link_.words.wants_to_retire.store(1, std::memory_order_relaxed);
      write_result({ResultKind::ready, 0, 0, 0, 0, 0}, {});  // so that the pool looks
      ring_doorbell();
    }
  }

  Channel channel_;
  SealedMemory memory_;
  UniqueFd doorbell_;
  CrewLink link_;
  RingReader tasks_;
  RingWriter results_;
  CrewSetup setup_;
  std::uint64_t rss_at_start_;
  Clock::time_point memory_looked_at_;
  std::vector<Defined> functions_;
  Encoder encoder_;
  std::uint64_t serial_ = 0;
  std::uint32_t count_ = 0;            // items of the task that runs
  std::size_t unannounced_bytes_ = 0;  // of results, since the pool was last told
  bool initialising_ = false;
  bool unable_ = false;
  bool doorbell_due_ = false;  // a result is in the ring that the pool has not been told of
};

}  // namespace

int crew_worker_main(Channel channel) {
  const auto received = std::make_unique<Received>();
  if (channel.receive_until(*received, Clock::now() + limits::child_start) != ReceiveResult::received)
    return 2;
  const auto setup = received->as<CrewSetup>();
  if (!setup || received->fds.size() != 2) throw Error(ErrorCode::protocol, "the pool's set-up is not one");
  SealedMemory memory = SealedMemory::open(std::move(received->fds[0]), setup->link_bytes);
  crash_point("worker.setup.received");
  // On the heap of this frame for the whole life: exit handlers run after it is gone.
  CrewWorker worker(std::move(channel), *setup, std::move(memory), std::move(received->fds[1]));
  return worker.run();
}

}  // namespace forebay
