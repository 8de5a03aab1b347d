#include "host/process/bootstrap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "host/channel/channel.h"
#include "host/error.h"
#include "host/process/child.h"
#include "host/process/crash_point.h"
#include "host/process/current_process.h"
#include "host/process/fork_request.h"
#include "host/process/guardian.h"
#include "host/process/spawn_note.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

constexpr int exit_uncaught = 1;
constexpr int exit_no_handover = 2;

/// One line, in one write: lines of several children do not mix.
void say(std::string_view title, std::string_view text) {
  std::string line = std::string(title) + ": " + std::string(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, line.data(), line.size());
}

struct Origin {
  pid_t parent = 0;
  std::uint64_t nonce = 0;
};

std::optional<Origin> parse(std::string_view variable) {
  const std::size_t colon = variable.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<std::int64_t> parent = parse_number(variable.substr(0, colon));
  const std::optional<std::int64_t> nonce = parse_number(variable.substr(colon + 1));
  if (!parent || !nonce || *parent <= 0) return std::nullopt;
  return Origin{static_cast<pid_t>(*parent), static_cast<std::uint64_t>(*nonce)};
}

bool is_seqpacket_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

/// From here on the child ends with its parent. The check afterwards is for a parent that had ended before.
void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(exit_no_handover);
}

/// The note, and the working directory's descriptor where it comes with one.
SpawnNote receive_note(Channel& channel, const Origin& origin, UniqueFd& directory) {
  const auto received = std::make_unique<Received>();
  const auto deadline = std::chrono::steady_clock::now() + limits::child_start;
  if (channel.receive_until(*received, deadline) != ReceiveResult::received) {
    throw Error(ErrorCode::protocol, "the spawning process sent no note");
  }
  const std::optional<SpawnNote> note = received->as<SpawnNote>();
  if (!note || note->magic != spawn_magic || note->version != spawn_version) {
    throw Error(ErrorCode::protocol,
                "worker binary differs: the spawning process's note is not of this protocol");
  }
  if (note->parent != origin.parent || note->nonce != origin.nonce || note->name.back() != '\0') {
    throw Error(ErrorCode::protocol, "the note on the channel is not for this process");
  }
  if (received->fds.size() != (note->setup.has_directory ? 1U : 0U)) {
    throw Error(ErrorCode::protocol, "the note came with other descriptors than it says");
  }
  if (note->setup.has_directory) directory = std::move(received->fds.front());
  return *note;
}

int run_main(ChildMain main, Channel channel, std::string_view title) {
  try {
    return main(std::move(channel));
  } catch (const std::exception& error) {
    say(title, error.what());
  } catch (...) {
    say(title, "ended by an exception that is no std::exception");
  }
  return exit_uncaught;
}

/// From the note on: who this process is to be, and then that. The channel is at its place.
[[noreturn]] void run_role(const Origin& origin, Channel channel, std::string_view title, void (*ready)(),
                           int guardian = guardian_fd) {
  ChildMain main = nullptr;
  try {
    UniqueFd directory;
    const SpawnNote note = receive_note(channel, origin, directory);
    crash_point("bootstrap.note.received");
    if (note.setup.guarded) {
      ::fcntl(guardian, F_SETFD, FD_CLOEXEC);
      detail::register_with_guardian(guardian);
      detail::Guardian::instance().inherit(guardian);
      detail::enter_leaf_cgroup(note.leaf);
    }
    ::prctl(PR_SET_NAME, note.name.data());
    apply(note.setup, directory.get());
    detail::remember_parent(note.parent);
    main = reinterpret_cast<ChildMain>(reinterpret_cast<std::uintptr_t>(resolve_function(note.main)));
  } catch (const std::exception& error) {
    say(title, error.what());
    ::_exit(exit_no_handover);
  }
  if (ready != nullptr) ready();
  crash_point("bootstrap.ready");
  const int code = run_main(main, std::move(channel), title);
  crash_point("bootstrap.exit");
  // Nothing of another process's is in here, be it a fresh exec or a copy of a server that only waited: so
  // exit handlers and buffers are this process's own.
  std::exit(code);
}

}  // namespace

void run_as_child(const char* variable, const char* title, void (*ready)()) {
  const std::optional<Origin> origin = parse(variable);
  if (!origin || !is_seqpacket_socket(spawn_channel_fd)) {
    say(title, std::string(spawn_variable) + " is set, but Forebay did not spawn this process; unset it");
    ::_exit(exit_no_handover);
  }
  crash_point("bootstrap.entered");
  die_with(origin->parent);
  crash_point("bootstrap.tied");
  ::fcntl(spawn_channel_fd, F_SETFD,
          FD_CLOEXEC);  // what this child starts itself must not hold its channel open
  run_role(*origin, Channel(UniqueFd(spawn_channel_fd)), title, ready);
}

void detail::run_as_copy(const ForkRequest& request) {
  die_with(request.parent);
  Channel channel{UniqueFd(spawn_channel_fd)};
  const pid_t self = ::getpid();
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, self, 0)));
  ForkAnswer answer{.pid = self};
  const int fd = pidfd.get();
  if (!pidfd.valid()) answer = ForkAnswer{.error_number = errno};
  const bool told = channel.try_send(answer, std::span(&fd, pidfd.valid() ? 1 : 0)) == SendResult::sent;
  if (!told || !pidfd.valid()) ::_exit(exit_no_handover);
  pidfd.reset();
  run_role(Origin{request.parent, request.nonce}, std::move(channel), request.title.data(), nullptr);
}

void detail::run_as_fork(pid_t parent, std::uint64_t nonce, Channel channel, const char* title,
                         int guardian) {
  die_with(parent);
  run_role(Origin{parent, nonce}, std::move(channel), title, nullptr, guardian);
}

}  // namespace forebay
