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
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/crash_point.h"
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

/// "name=value" of every variable of the child; nothing where it is this process's environment.
std::optional<std::vector<std::string>> environment_for(const SpawnOptions& options) {
  if (options.environment.empty() && !options.clear_environment) return std::nullopt;
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

Child detail::spawn_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                          int guardian) {
  require_guard();
  SpawnNote note = note_for(main, options);
  note.setup.guarded = guardian >= 0;
  const UniqueFd directory = directory_of(options);
  note.setup.has_directory = directory.valid();
  auto [mine, theirs] = Channel::pair();
  fill(mine, note, directory.get(), parcels);
  crash_point("start.note.sent");
  SpawnOrder order;
  order.title = options.title.empty() ? "forebay: child" : options.title;
  order.channel = theirs.fd();
  order.guardian = guardian;
  order.environment = environment_for(options);
  order.spawn_variable = fmt::format("{}={}:{}", spawn_variable, note.parent, note.nonce);
  Spawned spawned = Spawner::instance().spawn(order);
  return Child::adopt(spawned.pid, std::move(spawned.pidfd), std::move(mine));
}

Child start_child(ChildMain main, const SpawnOptions& options, StartMethod method,
                  std::span<const Parcel> parcels) {
  switch (method) {
    case StartMethod::spawn: return detail::spawn_child(main, options, parcels, -1);
    case StartMethod::forkserver:
    case StartMethod::fork: break;
  }
  throw Error(ErrorCode::environment, "this start method is not there yet");
}

}  // namespace forebay
