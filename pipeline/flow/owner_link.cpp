#include "pipeline/flow/owner_link.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/process_wait.h"
#include "pipeline/flow/patient_clock.h"
#include "pipeline/flow/worker_watch.h"
#include "pipeline/owner/owner_main.h"

namespace forebay {
namespace {

UniqueFd duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid())
    throw os_error(errno, "cannot duplicate a descriptor", "raise the limit on open files (ulimit -n)");
  return copy;
}

}  // namespace

OwnerLink::OwnerLink(const Device& device, unsigned threads)
    : child_(Child::spawn(&owner_main, {device.kind == DeviceKind::cuda
                                            ? fmt::format("forebay: owner of cuda:{}", device.ordinal)
                                            : std::string("forebay: owner of the cpu"),
                                        "forebay-owner"})),
      started_(std::chrono::steady_clock::now()) {
  OwnerOpen open;
  open.device = device;
  open.threads = threads;
  send(open);
}

ReceiveResult OwnerLink::receive_first(Received& received) {
  PatientClock clock;
  WorkerWatch watch(limits::owner_start, limits::owner_start);
  watch.started(clock.now());
  while (true) {
    clock.lap(limits::look_every_max);
    const auto result =
        channel().receive_until(received, std::chrono::steady_clock::now() + limits::look_every_max);
    clock.lap(std::chrono::milliseconds(0));
    if (result != ReceiveResult::would_block) return result;
    const WorkerWatch::Finding finding = watch.look(clock.now(), true, is_stopped(child_.pid()));
    if (finding.end == Verdict::stopped)
      throw Error(ErrorCode::peer_died, "the owner was stopped (SIGSTOP) while it opened its device");
    if (finding.end) return result;
  }
}

std::string OwnerLink::wait_opened() {
  const auto received = std::make_unique<Received>();
  switch (receive_first(*received)) {
    case ReceiveResult::would_block:
      throw Error(ErrorCode::timeout, fmt::format("the owner did not open its device within {} s",
                                                  std::chrono::seconds(limits::owner_start).count()));
    case ReceiveResult::closed: {
      const auto status = child_.wait_until(std::chrono::steady_clock::now() + limits::child_reap);
      throw Error(ErrorCode::peer_died,
                  "the owner ended while opening its device: " + describe(status.value_or(ExitStatus{})));
    }
    case ReceiveResult::received: break;
  }
  const auto opened = message_as<OwnerOpened>(*received);
  if (!opened) throw Error(ErrorCode::protocol, "the owner answered with an unknown message");
  if (opened->error != 0) throw Error(static_cast<ErrorCode>(opened->error - 1), text_of(opened->text));
  return text_of(opened->text);
}

void OwnerLink::send_setup(const RunShape& shape, const FinishOptions& finish, std::uint32_t rows_max,
                           const std::vector<int>& strips,
                           const std::vector<std::shared_ptr<SealedMemory>>& results,
                           const std::vector<DeviceStage>& stages) {
  OwnerSetup setup;
  setup.strips = static_cast<std::uint32_t>(strips.size());
  setup.slots = shape.slots_per_worker;
  setup.payload_bytes = shape.slot_bytes;
  setup.results = static_cast<std::uint32_t>(results.size());
  setup.rows_max = rows_max;
  setup.result_bytes = results.empty() ? 0 : results.front()->bytes().size();
  setup.device_stages = static_cast<std::uint32_t>(stages.size());
  setup.finish = finish;
  send(setup);
  OwnerMemory memory;
  const auto pass = [&](int fd) {
    post({reinterpret_cast<const std::byte*>(&memory), sizeof(memory)}, duplicate(fd));
    ++memory.number;
  };
  for (const int strip : strips) pass(strip);
  for (const auto& result : results) pass(result->fd());
  for (const DeviceStage& stage : stages) {
    DeviceStageMessage message;
    set_text(message.name, stage.name);
    set_text(message.module, stage.module);
    send(message);
  }
}

void OwnerLink::post(std::span<const std::byte> message, UniqueFd fd) {
  outbox_.push_back({{message.begin(), message.end()}, std::move(fd)});
  flush();
}

bool OwnerLink::flush() {
  while (!outbox_.empty()) {
    const Letter& letter = outbox_.front();
    const int fd = letter.fd.get();
    const std::span<const int> fds{&fd, letter.fd.valid() ? std::size_t{1} : std::size_t{0}};
    switch (channel().try_send_bytes(letter.bytes, fds)) {
      case SendResult::would_block: return false;
      case SendResult::closed: outbox_.clear(); return true;  // its exit will be noticed
      case SendResult::sent: outbox_.pop_front(); break;
    }
  }
  return true;
}

}  // namespace forebay
