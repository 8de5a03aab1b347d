#include "pipeline/owner/owner_main.h"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/slot_life.h"
#include "pipeline/owner/owner.h"

namespace forebay {
namespace {

/// The next message, or nothing when the coordinator has gone.
bool receive(Channel& channel, Received& into) {
  while (true) {
    const auto result = channel.receive_until(into, std::chrono::steady_clock::now() + limits::idle_poll);
    if (result != ReceiveResult::would_block) return result == ReceiveResult::received;
  }
}

template <typename T>
T require(const Received& received) {
  const std::optional<T> message = message_as<T>(received);
  if (!message)
    throw Error(ErrorCode::protocol, "the coordinator sent another message than an owner expects here");
  return *message;
}

std::unique_ptr<Backend> open_backend(const OwnerOpen& open) {
  if (open.device.kind == DeviceKind::cuda) return make_cuda_backend(open.device.ordinal);
  return make_cpu_backend(open.threads);
}

template <typename T>
void fill_error(T& message, ErrorCode code, const char* what) {
  message.error = 1U + static_cast<std::uint32_t>(code);
  set_text(message.text, what);
}

/// Last words, before anything is torn down: a lost device may not let that come to an end. Without them the
/// coordinator still sees the exit.
void say_last_words(Channel& channel, ErrorCode code, const char* what, bool at_work) {
  OwnerFailed failed;
  fill_error(failed, code, what);
  failed.at_work = at_work ? 1 : 0;
  static_cast<void>(channel.try_send(failed));
}

void prepare_and_serve(Channel& channel, Received& received, Owner& owner, const OwnerSetup& setup) {
  for (std::uint32_t number = 0; number < setup.strips + setup.results; ++number) {
    if (!receive(channel, received)) return;
    const auto memory = require<OwnerMemory>(received);
    if (received.fds.size() != 1) throw Error(ErrorCode::protocol, "memory came without its descriptor");
    owner.adopt_memory(memory.number, std::move(received.fds.front()));
    received.fds.clear();
    slot_step("pipeline.owner.pinned");
  }
  for (std::uint32_t stage = 0; stage < setup.device_stages; ++stage) {
    if (!receive(channel, received)) return;
    owner.load_stage(require<DeviceStageMessage>(received));
  }
  owner.serve();
}

int serve(Channel& channel, Received& received, std::unique_ptr<Backend> backend) {
  if (!receive(channel, received)) return 0;
  const auto setup = require<OwnerSetup>(received);
  Owner owner(channel, std::move(backend), setup);
  try {
    prepare_and_serve(channel, received, owner, setup);
    return 0;
  } catch (const Error& error) {
    say_last_words(channel, error.code(), error.what(), owner.at_work());
  } catch (const std::exception& error) {
    say_last_words(channel, ErrorCode::device, error.what(), owner.at_work());
  }
  return 1;
}

}  // namespace

int owner_main(Channel channel) {
  slot_step("pipeline.owner.entered");
  const auto received = std::make_unique<Received>();
  if (!receive(channel, *received)) return 0;
  const auto open = require<OwnerOpen>(*received);
  OwnerOpened opened;
  std::unique_ptr<Backend> backend;
  try {
    backend = open_backend(open);
    set_text(opened.text, backend->info().name);
  } catch (const Error& error) {
    fill_error(opened, error.code(), error.what());
  }
  if (channel.try_send(opened) != SendResult::sent || !backend) return backend ? 0 : 1;
  slot_step("pipeline.owner.opened");
  return serve(channel, *received, std::move(backend));
}

}  // namespace forebay
