#pragma once

#include <sys/types.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "host/process/call.h"
#include "host/process/process_options.h"

namespace forebay {

namespace detail {
class ProcessState;

template <typename F, typename... A>
consteval void require_exit_code() {
  using Result = CallResult<F, A...>;
  static_assert(
      std::is_void_v<Result> || std::is_same_v<Result, int>,
      "forebay: a Process's function returns void, or its exit code as an int. For a function whose "
      "result is wanted use a Pool or a ProcessPoolExecutor.");
}
}  // namespace detail

/// A function that runs in a process of its own.
///
///     forebay::Process process(compute_square, 7);
///     process.start();
///     process.join();
///
/// A handle, as in Python: copies name the same process. It runs on where the last handle is destroyed; at
/// the program's normal end those that are daemons are terminated and the others are joined. Whatever way
/// this process ends otherwise, its children end at once, and so do theirs.
///
/// The exit code is the function's int, else 0; the n of std::exit(n); 1 after an uncaught exception, which
/// also goes to stderr; -n after signal n. When the process has ended, what it started itself and left in its
/// process group ends too. Threads that the function starts are its own to join: std::exit, with which the
/// process ends after the function, waits only for those that static destructors join.
///
/// Every method but close() is thread-safe. They throw Error(usage) where the state forbids what is asked,
/// and after close().
class Process {
 public:
  /// Arguments are encoded here and given to the process by start(). What cannot be sent is a compile-time
  /// error.
  template <typename F, typename... A>
  requires(!std::is_same_v<std::remove_cvref_t<F>, ProcessOptions> &&
           !std::is_same_v<std::remove_cvref_t<F>, Process>) explicit Process(const F& function,
                                                                              A&&... arguments)
      : Process(ProcessOptions{}, function, std::forward<A>(arguments)...) {}

  template <typename F, typename... A>
  Process(ProcessOptions options, const F& function, A&&... arguments)
      : Process(std::move(options),
                (detail::require_exit_code<F, A...>(), make_call(function, std::forward<A>(arguments)...))) {}

  /// Starts the process. Blocks until it exists (about a millisecond). Once only, by the process that made
  /// it. Throws Error(spawn | environment) where the system refuses.
  void start();

  /// Waits for the end, and reaps. Throws Interrupted at Ctrl+C in an InterruptScope.
  void join();
  /// As above, at most so long. True: it has ended.
  bool join(std::chrono::milliseconds timeout);
  [[nodiscard]] bool is_alive();
  /// Nothing before start() and while it runs. 255 where the application reaped the process itself
  /// (wait(-1), SIGCHLD ignored), so that nobody knows.
  [[nodiscard]] std::optional<int> exit_code();
  /// The uncaught exception that ended it, as its own standard type or a RemoteError, with the process's text
  /// and trace; nullptr where there is none.
  [[nodiscard]] std::exception_ptr exception();

  void terminate();  ///< SIGTERM
  void kill();       ///< SIGKILL
  void interrupt();  ///< SIGINT

  /// Lets go of what the handle holds; then every method but name() throws. Throws Error(usage) while it
  /// runs.
  void close();

  /// A descriptor that is readable once the process has ended, for poll(); it stays this object's.
  [[nodiscard]] int sentinel() const;
  /// Nothing before start().
  [[nodiscard]] std::optional<pid_t> pid() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool daemon() const;
  void set_name(std::string name);  ///< before start()
  void set_daemon(bool daemon);     ///< before start()

  /// The same process.
  friend bool operator==(const Process&, const Process&) = default;

 private:
  Process(ProcessOptions options, Call call);
  explicit Process(std::shared_ptr<detail::ProcessState> state) noexcept : state_(std::move(state)) {}
  friend std::vector<Process> active_children();
  [[nodiscard]] detail::ProcessState& state() const;

  std::shared_ptr<detail::ProcessState> state_;
};

/// The processes that this one has started and that still run; those that have ended are reaped. Thread-safe.
[[nodiscard]] std::vector<Process> active_children();

}  // namespace forebay
