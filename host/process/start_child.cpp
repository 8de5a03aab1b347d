#include "host/process/start_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/crash_point.h"
#include "host/process/fork_child.h"
#include "host/process/forkserver.h"
#include "host/process/guardian.h"
#include "host/process/init.h"
#include "host/process/spawn_note.h"
#include "host/process/spawner.h"

namespace forebay {
namespace {

void require_guard() {
  if (initialised()) return;
  throw Error(ErrorCode::usage,
              std::getenv(spawn_variable) == nullptr
                  ? "cannot spawn: call forebay::init(argc, argv) first in main"
                  : "cannot spawn before main: a static initialiser of this program tried to, in a "
                    "process that is being spawned itself; spawn after forebay::init(argc, argv)");
}

std::uint64_t next_nonce() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

SpawnNote note_for(ChildMain main, const SpawnOptions& options) {
  SpawnNote note;
  note.parent = ::getpid();
  note.nonce = next_nonce();
  note.main = function_id_of(reinterpret_cast<const void*>(main));
  if (options.name.size() >= note.name.size()) {
    throw Error(ErrorCode::usage, fmt::format("a process name has at most {} bytes, but \"{}\" has {}",
                                              note.name.size() - 1, options.name, options.name.size()));
  }
  std::copy(options.name.begin(), options.name.end(), note.name.begin());
  note.setup = setup_of(options);
  return note;
}

UniqueFd directory_of(const SpawnOptions& options) {
  if (options.working_directory.empty()) return {};
  UniqueFd directory(::open(options.working_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    throw os_error(errno, "cannot use \"" + options.working_directory + "\" as a child's working directory",
                   "name a directory that exists", ErrorCode::usage);
  }
  return directory;
}

bool is_variable_name(std::string_view name) noexcept {
  return !name.empty() && name.find('=') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

/// Before the child exists, so that it never waits for them.
void fill(Channel& channel, const SpawnNote& note, int directory, std::span<const Parcel> parcels) {
  const std::span<const int> no_fds;
  bool sent = channel.try_send(note, directory >= 0 ? std::span(&directory, 1) : no_fds) == SendResult::sent;
  for (const Parcel& parcel : parcels) {
    sent = sent && channel.try_send_bytes(parcel.bytes, parcel.fds) == SendResult::sent;
  }
  if (!sent) throw Error(ErrorCode::spawn, "a new channel does not take a child's first messages");
}

}  // namespace

namespace detail {

bool changes_environment(const SpawnOptions& options) noexcept {
  return options.clear_environment || !options.environment.empty();
}

std::vector<std::string> environment_for(const SpawnOptions& options) {
  Environment result;
  for (char** entry = environ; !options.clear_environment && entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t sign = text.find('=');
    if (sign != std::string_view::npos)
      result[std::string(text.substr(0, sign))] = std::string(text.substr(sign + 1));
  }
  for (const auto& [name, value] : options.environment) {
    if (!is_variable_name(name) || (value && value->find('\0') != std::string::npos)) {
      throw Error(ErrorCode::usage, "\"" + name + "\" cannot be set in a child's environment");
    }
    result[name] = value;
  }
  result.erase(spawn_variable);
  std::vector<std::string> entries;
  for (const auto& [name, value] : result) {
    if (value) entries.push_back(name + "=" + *value);
  }
  return entries;
}

const char* start_remedy(int error_number) noexcept {
  switch (error_number) {
    case EAGAIN: return "raise the limit on processes (ulimit -u, or the cgroup's pids.max)";
    case EMFILE:
    case ENFILE: return "raise the limit on open files (ulimit -n)";
    case ENOENT: return "mount /proc";
    case ESRCH: return "do not ignore SIGCHLD and do not reap children that are not yours (wait(-1))";
    default: return "";
  }
}

Prepared prepare_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                       bool guarded) {
  require_guard();
  SpawnNote note = note_for(main, options);
  note.setup.guarded = guarded;
  if (guarded) note.leaf = Guardian::instance().leaf();
  const UniqueFd directory = directory_of(options);
  note.setup.has_directory = directory.valid();
  Prepared prepared;
  std::tie(prepared.mine, prepared.theirs) = Channel::pair();
  fill(prepared.mine, note, directory.get(), parcels);
  crash_point("start.note.sent");
  prepared.parent = note.parent;
  prepared.nonce = note.nonce;
  prepared.title = options.title.empty() ? "forebay: child" : options.title;
  return prepared;
}

Child spawn_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                  int guardian) {
  Prepared prepared = prepare_child(main, options, parcels, guardian >= 0);
  SpawnOrder order;
  order.title = prepared.title;
  order.channel = prepared.theirs.fd();
  order.guardian = guardian;
  if (changes_environment(options)) order.environment = environment_for(options);
  order.spawn_variable = fmt::format("{}={}:{}", spawn_variable, prepared.parent, prepared.nonce);
  Spawned spawned = Spawner::instance().spawn(order);
  return Child::adopt(spawned.pid, std::move(spawned.pidfd), std::move(prepared.mine));
}

}  // namespace detail

namespace {

int guardian() {
  require_guard();
  return detail::Guardian::instance().descriptor();
}

}  // namespace

Child start_child(ChildMain main, const SpawnOptions& options, StartMethod method,
                  std::span<const Parcel> parcels) {
  switch (method) {
    case StartMethod::spawn: return detail::spawn_child(main, options, parcels, guardian());
    case StartMethod::forkserver:
      return detail::Forkserver::instance().start(main, options, parcels, guardian());
    case StartMethod::fork: return detail::fork_child(main, options, parcels, guardian());
  }
  throw Error(ErrorCode::usage, "there is no such start method");
}

}  // namespace forebay
