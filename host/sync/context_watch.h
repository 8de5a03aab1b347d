#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "host/channel/poller.h"
#include "host/memory/unique_fd.h"
#include "host/process/own_threads.h"
#include "host/sync/shared_context.h"

namespace forebay {

/// The contexts that this process uses, and the thread that watches the processes it shares them with:
/// where this process is a context's supervisor, all others; else the supervisor, to take its place.
///
/// Invariants:
///  1. `mutex_` guards everything below it. Recovery runs under it, in the thread alone: it is bounded
///     by the size of the context and blocks nowhere.
///  2. The object is never destroyed, and inert in a forked copy of the process, which starts with its
///     own.
class ContextWatch {
 public:
  using Make = std::function<std::shared_ptr<SharedContext>()>;

  [[nodiscard]] static ContextWatch& instance();

  /// The one that small objects of this process go to, made at first use.
  [[nodiscard]] std::shared_ptr<SharedContext> default_context(const Make& make);
  /// The context of this id; `make` maps and joins it where it is new here.
  [[nodiscard]] std::shared_ptr<SharedContext> known_context(std::uint64_t id, const Make& make);
  void add(const std::shared_ptr<SharedContext>& context);
  /// Those that this process made for large objects. They stay: what comes later goes to where there is room.
  [[nodiscard]] std::vector<std::shared_ptr<SharedContext>> large_contexts();
  void add_large(const std::shared_ptr<SharedContext>& context);

  /// At the normal end of the process: what it owned is recovered as that of one that left in order.
  void leave() noexcept;

  ContextWatch();
  ContextWatch(const ContextWatch&) = delete;
  ContextWatch& operator=(const ContextWatch&) = delete;
  ~ContextWatch() = default;

 private:
  struct Watched {
    std::shared_ptr<SharedContext> context;
    bool supervises = false;
    std::map<std::uint32_t, UniqueFd>
        pidfds;  // by place; of the supervisor alone where this process is not it
  };
  enum class Event : std::uint32_t { alarm, doorbell, end };

  static std::uint64_t tag(Event event, std::uint32_t number, std::uint32_t place) noexcept;
  void run() noexcept;
  void handle(std::uint64_t tag);
  void look_at_table(std::uint32_t number, Watched& watched);
  void look_at_supervisor(std::uint32_t number, Watched& watched);
  bool watch_place(std::uint32_t number, Watched& watched, std::uint32_t place);
  void bury(Watched& watched, std::uint32_t place);
  void start_thread();

  std::recursive_mutex making_;  // one context is made at a time, and known before another thread asks for it
  std::mutex mutex_;
  pid_t home_;
  Poller poller_;
  UniqueFd alarm_;
  std::map<std::uint32_t, Watched> watched_;
  std::map<std::uint64_t, std::shared_ptr<SharedContext>> by_id_;
  std::shared_ptr<SharedContext> default_;
  std::vector<std::shared_ptr<SharedContext>> large_;
  std::uint32_t last_number_ = 0;
  bool stopping_ = false;
  std::optional<detail::OwnThread> own_;  // for as long as thread_
  std::thread thread_;
};

}  // namespace forebay
