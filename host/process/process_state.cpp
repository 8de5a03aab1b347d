#include "host/process/process_state.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/sealed_memory.h"
#include "host/process/current_process.h"
#include "host/process/process_main.h"
#include "host/process/process_registry.h"
#include "host/process/remote_error.h"
#include "host/process/spawn_note.h"
#include "host/process/start_child.h"
#include "host/process/start_method.h"

namespace forebay::detail {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int exit_unknown = 255;  // as CPython's asyncio says where somebody else has reaped the child

ProcessHead head_of(const Call& call, const std::string& name, const std::string& number, bool daemon,
                    StartMethod method) {
  ProcessHead head;
  head.argument_bytes = call.arguments.bytes.size();
  head.argument_fds = static_cast<std::uint32_t>(call.arguments.fds.size());
  head.shared = call.arguments.bytes.size() > limits::message_bytes_max;
  head.method = method;
  head.daemon = daemon;
  head.entry = function_id_of(reinterpret_cast<const void*>(call.function.entry));
  if (call.function.target != nullptr) head.target = function_id_of(call.function.target);
  if (!head.name.set(name) || !head.number.set(number) || !head.parent_name.set(identity().name)) {
    throw Error(ErrorCode::usage, fmt::format("the name of a process has at most {} bytes, none of them zero",
                                              process_name_bytes_max - 1));
  }
  return head;
}

/// Gives the child what it calls, and starts it.
Child start_with(const ProcessHead& head, const Call& call, const SpawnOptions& options, StartMethod method) {
  SealedMemory memory;
  std::vector<int> head_fds;
  std::span<const std::byte> arguments = call.arguments.bytes;
  constexpr std::byte nothing{};
  if (head.shared) {
    memory = SealedMemory::create("forebay-arguments", arguments.size());
    std::copy(arguments.begin(), arguments.end(), memory.bytes().begin());
    head_fds.push_back(memory.fd());
  }
  if (head.shared || arguments.empty()) arguments = {&nothing, 1};
  std::vector<int> fds;
  for (const UniqueFd& fd : call.arguments.fds) fds.push_back(fd.get());
  std::vector<Parcel> parcels{{std::as_bytes(std::span(&head, 1)), head_fds}};
  if (head.argument_bytes != 0 || !fds.empty()) parcels.push_back({arguments, fds});
  return start_child(&process_main, options, method, parcels);
}

}  // namespace

ProcessState::ProcessState(ProcessOptions options, Call call)
    : creator_(::getpid()),
      options_(std::move(options)),
      number_(next_number()),
      daemon_(options_.daemon.value_or(identity().daemon)),
      call_(std::move(call)) {
  if (options_.name.empty()) options_.name = "Process-" + number_;
}

void ProcessState::require(const char* what, bool started) const {
  if (phase_ == Phase::closed)
    throw Error(ErrorCode::usage, fmt::format("{}: process \"{}\" is closed", what, options_.name));
  if (started && phase_ == Phase::made)
    throw Error(ErrorCode::usage,
                fmt::format("{}: process \"{}\" has not been started", what, options_.name));
}

void ProcessState::require_creator(const char* what) const {
  if (creator_ == ::getpid()) return;
  throw Error(ErrorCode::usage,
              fmt::format("{}: process \"{}\" belongs to process {}, which made it, but this is {}", what,
                          options_.name, creator_, ::getpid()));
}

SpawnOptions ProcessState::spawn_options() const {
  SpawnOptions spawn;
  spawn.title = "forebay: " + options_.name;
  spawn.name = options_.name.substr(0, comm_bytes - 1);
  spawn.affinity = options_.affinity;
  spawn.environment = options_.environment;
  spawn.clear_environment = options_.clear_environment;
  spawn.working_directory = options_.working_directory;
  spawn.memory_bytes = options_.memory_bytes;
  spawn.cpu_time = options_.cpu_time;
  return spawn;
}

void ProcessState::start() {
  {
    const std::scoped_lock lock(mutex_);
    require("cannot start", false);
    require_creator("cannot start");
    if (phase_ != Phase::made) {
      throw Error(ErrorCode::usage,
                  fmt::format("cannot start process \"{}\" twice; make another Process", options_.name));
    }
    static_cast<void>(
        std::fflush(nullptr));  // as in Python: what was printed before comes before the child's
    const StartMethod method = options_.start_method.value_or(get_start_method());
    const ProcessHead head = head_of(call_, options_.name, number_, daemon_, method);
    child_ = start_with(head, call_, spawn_options(), method);
    call_ = Call{};
    phase_ = Phase::running;
  }
  ProcessRegistry::instance().add(shared_from_this());
}

bool ProcessState::join(Clock::time_point deadline) {
  int pidfd = -1;
  {
    const std::scoped_lock lock(mutex_);
    require("cannot join", true);
    require_creator("cannot join");
    if (phase_ == Phase::ended) return true;
    pidfd = child_.pidfd();
  }
  while (wait_readable(pidfd, deadline)) {
    if (settle()) return true;
    // A debugger has not let go of it yet.
    if (Clock::now() >= deadline) return false;
  }
  return false;
}

bool ProcessState::settle() {
  {
    const std::scoped_lock lock(mutex_);
    if (phase_ != Phase::running) return true;
    const std::optional<ExitStatus> status = child_.wait_until(Clock::now() + limits::held_back_poll);
    if (!status) return false;
    exit_code_ = !status->known ? exit_unknown : status->signal != 0 ? -status->signal : status->exit_code;
    read_report();
    child_.channel().close();
    phase_ = Phase::ended;
  }
  ProcessRegistry::instance().remove(this);
  return true;
}

bool ProcessState::is_alive() {
  int pidfd = -1;
  {
    const std::scoped_lock lock(mutex_);
    require("cannot look at", false);
    require_creator("cannot look at");
    if (phase_ != Phase::running) return false;
    pidfd = child_.pidfd();
  }
  return !wait_readable(pidfd, Clock::now()) || !settle();
}

std::optional<int> ProcessState::exit_code() {
  static_cast<void>(is_alive());
  const std::scoped_lock lock(mutex_);
  return exit_code_;
}

std::exception_ptr ProcessState::exception() {
  static_cast<void>(is_alive());
  const std::scoped_lock lock(mutex_);
  return exception_;
}

void ProcessState::signal(int number) {
  const std::scoped_lock lock(mutex_);
  require("cannot signal", true);
  require_creator("cannot signal");
  child_.signal(number);
}

void ProcessState::close() {
  if (is_alive()) {
    throw Error(
        ErrorCode::usage,
        fmt::format("cannot close process \"{}\" while it runs; join it, or terminate it first", name()));
  }
  const std::scoped_lock lock(mutex_);
  child_ = Child{};
  call_ = Call{};
  phase_ = Phase::closed;
}

int ProcessState::sentinel() const {
  const std::scoped_lock lock(mutex_);
  require("there is no sentinel", true);
  return child_.pidfd();
}

std::optional<pid_t> ProcessState::pid() const {
  const std::scoped_lock lock(mutex_);
  require("there is no pid", false);
  return child_.valid() ? std::optional(child_.pid()) : std::nullopt;
}

std::string ProcessState::name() const {
  const std::scoped_lock lock(mutex_);
  return options_.name;
}

bool ProcessState::daemon() const {
  const std::scoped_lock lock(mutex_);
  return daemon_;
}

void ProcessState::set_name(std::string name) {
  const std::scoped_lock lock(mutex_);
  require("cannot name", false);
  if (phase_ != Phase::made) throw Error(ErrorCode::usage, "a process that is started keeps its name");
  options_.name = std::move(name);
}

void ProcessState::set_daemon(bool daemon) {
  const std::scoped_lock lock(mutex_);
  require("cannot make a daemon of", false);
  if (phase_ != Phase::made) {
    throw Error(ErrorCode::usage,
                fmt::format("process \"{}\" is started: set its daemon flag before", options_.name));
  }
  daemon_ = daemon;
}

bool ProcessState::end_by(Clock::time_point deadline) noexcept {
  try {
    return join(deadline);
  } catch (const Error&) {
    return true;  // closed, or nothing more to be known of it
  }
}

void ProcessState::signal_quietly(int number) noexcept {
  const std::scoped_lock lock(mutex_);
  child_.signal(number);
}

void ProcessState::read_report() {
  const auto received = std::make_unique<Received>();
  try {
    if (child_.channel().try_receive(*received) != ReceiveResult::received) return;
    const std::optional<FailureHead> head = received->as<FailureHead>();
    if (!head || head->magic != process_magic || received->fds.size() != 1) return;
    const SealedMemory memory = SealedMemory::open(std::move(received->fds.front()), head->bytes);
    exception_ = decode_exception(memory.bytes().first(head->bytes));
  } catch (const Error&) {
    exception_ = std::current_exception();
  }
}

}  // namespace forebay::detail
