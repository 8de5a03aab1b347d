#include "host/process/forkserver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/sealed_memory.h"
#include "host/process/fork_request.h"
#include "host/process/forkserver_main.h"
#include "host/process/function.h"
#include "host/process/never_destroyed.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int forkserver_attempts = 3;  // somebody may kill one; three in a row are no accident

std::atomic<void (*)()> preload{nullptr};

struct StopAtExit {
  detail::Forkserver& server;
  ~StopAtExit() { server.stop(); }
};

std::string current_directory() {
  std::error_code unreachable;  // then no child can be told it either
  return std::filesystem::current_path(unreachable).string();
}

bool is_environment(const std::vector<std::string>& entries) noexcept {
  std::size_t count = 0;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry, ++count) {
    if (count >= entries.size() || entries[count] != *entry) return false;
  }
  return count == entries.size();
}

std::vector<std::string> copy_of_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return entries;
}

/// The variables in memory of their own: there may be more than a message holds.
SealedMemory in_memory(const std::vector<std::string>& entries, std::uint64_t& bytes) {
  std::string text;
  for (const std::string& entry : entries) text.append(entry).push_back('\0');
  if (text.empty()) text.push_back('\0');  // clears it all the same
  bytes = text.size();
  SealedMemory memory = SealedMemory::create("forebay-environment", text.size());
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(memory.bytes().data()));
  return memory;
}

int standard_stream(int fd, UniqueFd& spare) {
  if (::fcntl(fd, F_GETFD) >= 0) return fd;
  spare.reset(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  return spare.get();
}

}  // namespace

void set_forkserver_preload(void (*function)()) { preload = function; }

namespace detail {

Forkserver& Forkserver::instance() {
  static NeverDestroyed<Forkserver> server;
  static const StopAtExit guard{server.value};
  return guard.server;
}

void Forkserver::ensure_server(int guardian) {
  if (server_.valid() && !server_.wait_until(Clock::now())) return;
  ForkserverSetup setup;
  if (void (*const function)() = preload; function != nullptr) {
    setup.preload = function_id_of(reinterpret_cast<const void*>(function));
  }
  const Parcel parcel{std::as_bytes(std::span(&setup, 1))};
  environment_ = copy_of_environment();
  directory_ = current_directory();
  server_ = spawn_child(&forkserver_main, {"forebay: forkserver", "forebay-forks"}, {&parcel, 1}, guardian);
  const auto received = std::make_unique<Received>();
  static_cast<void>(server_.channel().receive_until(*received, Clock::now() + limits::child_start));
  const std::optional<ForkserverReady> ready = received->as<ForkserverReady>();
  if (ready && ready->ready) return;
  server_ = Child{};
  throw Error(ErrorCode::spawn, ready ? fmt::format("cannot start a forkserver: {}", ready->reason.data())
                                      : "cannot start a forkserver: it ended before it could serve");
}

std::vector<std::string> Forkserver::changed_environment(const SpawnOptions& options) const {
  if (changes_environment(options)) return environment_for(options);
  return is_environment(environment_) ? std::vector<std::string>{} : copy_of_environment();
}

Child Forkserver::start(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                        int guardian) {
  const std::scoped_lock lock(mutex_);
  // A server that dies while it is asked is made anew: a copy that it may have made has run nothing.
  for (int attempt = 0; attempt < forkserver_attempts; ++attempt) {
    ensure_server(guardian);
    SpawnOptions as_now = options;
    if (as_now.working_directory.empty() && current_directory() != directory_)
      as_now.working_directory.assign(1, '.');
    Prepared prepared = prepare_child(main, as_now, parcels, guardian >= 0);
    ForkRequest request;
    request.parent = prepared.parent;
    request.nonce = prepared.nonce;
    std::string_view(prepared.title).copy(request.title.data(), request.title.size() - 1);
    SealedMemory environment;
    if (changes_environment(options) || !is_environment(environment_)) {
      environment = in_memory(changed_environment(options), request.environment_bytes);
    }
    std::array<UniqueFd, 2> spare;
    std::vector<int> fds{prepared.theirs.fd(), standard_stream(STDOUT_FILENO, spare[0]),
                         standard_stream(STDERR_FILENO, spare[1])};
    if (request.environment_bytes != 0) fds.push_back(environment.fd());
    if (server_.channel().try_send(request, fds) != SendResult::sent) {
      server_ = Child{};  // it is about to end: its channel goes before it is seen to have ended
      continue;
    }
    prepared.theirs.close();  // from here on the channel ends if neither server nor copy is there
    const auto received = std::make_unique<Received>();
    const ReceiveResult result = prepared.mine.receive_until(*received, Clock::now() + limits::child_start);
    if (result == ReceiveResult::closed) {
      server_ = Child{};
      continue;
    }
    const std::optional<ForkAnswer> answer = received->as<ForkAnswer>();
    if (!answer || answer->magic != fork_magic) {
      server_ = Child{};
      throw Error(ErrorCode::spawn,
                  fmt::format("the forkserver gave no answer within {} s", limits::child_start.count()));
    }
    if (answer->pid == 0 || received->fds.size() != 1) {
      const Error cause =
          os_error(answer->error_number, "cannot start a child process", start_remedy(answer->error_number));
      throw Error(ErrorCode::spawn, cause.what());
    }
    return Child::adopt(answer->pid, std::move(received->fds.front()), std::move(prepared.mine));
  }
  throw Error(ErrorCode::spawn, "the forkserver dies as soon as it is asked; use the start method spawn");
}

void Forkserver::stop() noexcept {
  const std::scoped_lock lock(mutex_);
  server_ = Child{};
}

pid_t Forkserver::pid() {
  const std::scoped_lock lock(mutex_);
  return server_.valid() ? server_.pid() : 0;
}

}  // namespace detail
}  // namespace forebay
