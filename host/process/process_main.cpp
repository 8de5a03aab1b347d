#include "host/process/process_main.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/channel/channel.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/memory/sealed_memory.h"
#include "host/process/current_process.h"
#include "host/process/remote_error.h"
#include "host/process/stack_trace.h"
#include "host/process/start_method.h"
#include "host/process/task_frame.h"

namespace forebay::detail {
namespace {

constexpr int exit_uncaught = 1;

/// What a child was given to do.
struct Work {
  ProcessHead head;
  std::vector<std::byte> bytes;
  SealedMemory memory;
  std::vector<UniqueFd> fds;

  [[nodiscard]] std::span<const std::byte> arguments() const {
    return head.shared ? memory.bytes().first(head.argument_bytes) : std::span<const std::byte>(bytes);
  }
};

void receive(Channel& channel, Received& received) {
  const auto deadline = std::chrono::steady_clock::now() + limits::child_start;
  if (channel.receive_until(received, deadline) != ReceiveResult::received) {
    throw Error(ErrorCode::protocol, "the process that started this one did not say what to run");
  }
}

Work receive_work(Channel& channel) {
  const auto received = std::make_unique<Received>();
  receive(channel, *received);
  const std::optional<ProcessHead> head = received->as<ProcessHead>();
  const bool is_head = head && head->magic == process_magic && head->name.valid() && head->number.valid() &&
                       head->parent_name.valid() && received->fds.size() == (head->shared ? 1U : 0U);
  if (!is_head) throw Error(ErrorCode::protocol, "received no description of a process to run");
  Work work;
  work.head = *head;
  if (head->shared) work.memory = SealedMemory::open(std::move(received->fds.front()), head->argument_bytes);
  if (head->argument_bytes == 0 && head->argument_fds == 0) return work;
  receive(channel, *received);
  if (received->fds.size() != head->argument_fds) {
    throw Error(ErrorCode::protocol, "the arguments' descriptors are incomplete");
  }
  work.fds = std::move(received->fds);
  if (head->shared || head->argument_bytes == 0) return work;
  if (received->size != head->argument_bytes) {
    throw Error(ErrorCode::protocol, "the arguments are incomplete");
  }
  // In memory of its own, because ranges are read in place and want their alignment.
  work.bytes.assign(received->bytes.begin(),
                    received->bytes.begin() + static_cast<std::ptrdiff_t>(received->size));
  return work;
}

/// Takes the outcome of the one call: an exit code, or an exception.
class Outcome : public TaskReport {
 public:
  void started(std::uint32_t /*item*/) override {}
  [[nodiscard]] Encoder& result() override {
    result_.clear();
    return result_;
  }
  void returned(std::uint32_t /*item*/) override {
    const Encoded encoded = result_.take();
    Decoder decoder(encoded.bytes, {});
    if (decoder.left() != 0) exit_code = decoder.read_plain<int>();
  }
  void threw(std::uint32_t /*item*/, std::exception_ptr thrown) override { error = std::move(thrown); }

  int exit_code = 0;
  std::exception_ptr error;

 private:
  Encoder result_;
};

/// One write: what several processes say does not mix.
void say(const std::string& text) {
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, text.data(), text.size());
}

/// To stderr, where it is read if nobody asks the parent, and to the parent.
void report(Channel& channel, const std::exception_ptr& error) {
  const std::vector<std::byte> bytes = encode_exception(error, ::getpid(), 0, identity().name);
  std::string text = fmt::format("Process {}: uncaught exception\n", identity().name);
  try {
    std::rethrow_exception(decode_exception(bytes));
  } catch (const std::exception& known) {
    text += remote_traceback(known);
  }
  if (!text.ends_with('\n')) text += '\n';
  say(text);
  if (bytes.empty()) return;
  SealedMemory memory = SealedMemory::create("forebay-failure", bytes.size());
  std::copy(bytes.begin(), bytes.end(), memory.bytes().begin());
  const FailureHead head{.bytes = bytes.size()};
  const int fd = memory.fd();
  static_cast<void>(channel.try_send(head, std::span(&fd, 1)));
}

}  // namespace

int process_main(Channel channel) {
  Work work = receive_work(channel);
  Identity self;
  self.name = work.head.name.text.data();
  self.number = work.head.number.text.data();
  self.parent_name = work.head.parent_name.text.data();
  self.daemon = work.head.daemon;
  become(std::move(self));
  inherit_start_method(work.head.method);
  // The last flush of a pipe that nobody reads is no reason to end by a signal. Registered first, so it runs
  // after the application's own exit handlers.
  static_cast<void>(std::atexit([] { ::signal(SIGPIPE, SIG_IGN); }));
  const auto entry =
      reinterpret_cast<TaskEntry>(reinterpret_cast<std::uintptr_t>(resolve_function(work.head.entry)));
  Outcome outcome;
  const TraceScope traces;
  {
    Decoder arguments(work.arguments(), work.fds);
    TaskFrame frame{.arguments = arguments,
                    .target = work.head.target.empty() ? nullptr : resolve_function(work.head.target),
                    .report = outcome};
    entry(frame);
  }
  if (!outcome.error) return outcome.exit_code;
  report(channel, outcome.error);
  return exit_uncaught;
}

}  // namespace forebay::detail
