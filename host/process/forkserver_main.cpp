#include "host/process/forkserver_main.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/memory/sealed_memory.h"
#include "host/process/bootstrap.h"
#include "host/process/fork_request.h"
#include "host/process/helper_step.h"
#include "host/process/sibling_clone.h"
#include "host/process/spawn_note.h"

namespace forebay::detail {
namespace {

void run_preload(const FunctionId& id) {
  if (id.empty()) return;
  reinterpret_cast<void (*)()>(reinterpret_cast<std::uintptr_t>(resolve_function(id)))();
  static_cast<void>(std::fflush(nullptr));  // or every copy would print it again
}

/// What a copy is made by; the reason goes to the parent where there is nothing to make copies with.
std::optional<SiblingClone> prepare(Channel& channel, Received& received) {
  ForkserverReady answer;
  std::optional<SiblingClone> clone;
  try {
    const auto deadline = std::chrono::steady_clock::now() + limits::child_start;
    static_cast<void>(channel.receive_until(received, deadline));
    const std::optional<ForkserverSetup> setup = received.as<ForkserverSetup>();
    if (!setup || setup->magic != fork_magic) throw Error(ErrorCode::protocol, "received no set-up");
    run_preload(setup->preload);
    clone.emplace();
    answer.ready = true;
  } catch (const std::exception& error) {
    std::string_view(error.what()).copy(answer.reason.data(), answer.reason.size() - 1);
  } catch (...) {
    std::string_view("the preload function threw what is no std::exception")
        .copy(answer.reason.data(), answer.reason.size() - 1);
  }
  static_cast<void>(channel.try_send(answer));
  return clone;
}

/// "name=value\0" each.
void replace_environment(std::span<const std::byte> text) {
  static std::vector<std::string> entries;  // environ points into it for the rest of the process's life
  static std::vector<char*> pointers;
  std::string_view left(reinterpret_cast<const char*>(text.data()), text.size());
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\0'), left.size());
    entries.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  for (std::string& entry : entries) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  environ = pointers.data();
}

/// In the copy: the world of a spawned child, then its life.
[[noreturn]] void live(const ForkRequest& request, std::vector<UniqueFd> fds) {
  helper_step("forkserver.copy.made");
  ::signal(SIGINT, SIG_DFL);
  ::setpgid(0, 0);
  ::dup2(fds[1].get(), STDOUT_FILENO);
  ::dup2(fds[2].get(), STDERR_FILENO);
  ::dup3(fds[0].get(), spawn_channel_fd, O_CLOEXEC);  // closes the server's own
  if (request.environment_bytes != 0) {
    const SealedMemory memory = SealedMemory::open(std::move(fds[3]), request.environment_bytes);
    replace_environment(memory.bytes().first(request.environment_bytes));
  }
  fds.clear();
  run_as_copy(request);
}

bool is_whole(const ForkRequest& request, const std::vector<UniqueFd>& fds) {
  return request.magic == fork_magic && request.title.back() == '\0' &&
         fds.size() == (request.environment_bytes != 0 ? 4U : 3U);
}

}  // namespace

int forkserver_main(Channel channel) {
  ::signal(SIGINT, SIG_IGN);
  helper_step("forkserver.entered");
  const auto received = std::make_unique<Received>();
  const std::optional<SiblingClone> clone = prepare(channel, *received);
  if (!clone) return 1;
  helper_step("forkserver.ready");
  // Its parent's end ends it, by the signal or by the channel.
  while (channel.receive_until(*received, std::chrono::steady_clock::time_point::max()) ==
         ReceiveResult::received) {
    const std::optional<ForkRequest> request = received->as<ForkRequest>();
    if (!request || !is_whole(*request, received->fds)) return 1;
    helper_step("forkserver.asked");
    const pid_t made = clone->make();
    if (made == 0) live(*request, std::move(received->fds));
    helper_step("forkserver.copied");
    if (made < 0) {
      const ForkAnswer refusal{.error_number = errno};
      Channel theirs(std::move(received->fds.front()));
      static_cast<void>(theirs.try_send(refusal));
    }
    received->fds.clear();
  }
  return 0;
}

}  // namespace forebay::detail
