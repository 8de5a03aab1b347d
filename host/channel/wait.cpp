#include "host/channel/wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "host/error.h"
#include "host/limits.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

/// Ready without a look at its descriptor; a connection that is not says so to its other side.
bool ready_now(const Waitable& object) {
  const auto* connection = std::get_if<Connection*>(&object);
  return connection != nullptr && !(*connection)->announce();
}

int descriptor(const Waitable& object) {
  if (const auto* connection = std::get_if<Connection*>(&object)) return (*connection)->fileno();
  return std::get<int>(object);
}

/// The ones that are ready after a look that lasts at most `time`.
std::vector<std::size_t> look(std::span<const Waitable> objects, std::chrono::nanoseconds time) {
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (ready_now(objects[i])) ready.push_back(i);
  }
  if (!ready.empty()) time = std::chrono::nanoseconds(0);
  std::vector<pollfd> entries;
  for (const Waitable& object : objects) entries.push_back({descriptor(object), POLLIN, 0});
  const int interrupt = detail::interrupt_fd();
  if (interrupt >= 0) entries.push_back({interrupt, POLLIN, 0});
  const timespec timeout{static_cast<time_t>(time.count() / 1'000'000'000),
                         static_cast<long>(time.count() % 1'000'000'000)};
  if (::ppoll(entries.data(), entries.size(), &timeout, nullptr) < 0 && errno != EINTR) {
    throw os_error(errno, "cannot wait for connections and processes", {}, ErrorCode::io);
  }
  detail::throw_if_interrupted();
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (entries[i].revents == 0 || std::find(ready.begin(), ready.end(), i) != ready.end()) continue;
    if ((entries[i].revents & POLLNVAL) != 0) {
      throw Error(ErrorCode::usage, "one of the descriptors to wait for is not open");
    }
    const auto* connection = std::get_if<Connection*>(&objects[i]);
    // A doorbell that was for room in the other direction is no message.
    if (connection == nullptr || (*connection)->poll()) ready.push_back(i);
  }
  std::sort(ready.begin(), ready.end());
  return ready;
}

}  // namespace

std::vector<std::size_t> wait_ready(std::span<const Waitable> objects, std::chrono::nanoseconds timeout) {
  const auto deadline = detail::after(timeout);
  while (true) {
    const auto left =
        std::max<std::chrono::nanoseconds>(deadline - Clock::now(), std::chrono::nanoseconds(0));
    auto ready = look(objects, std::min<std::chrono::nanoseconds>(left, limits::idle_poll));
    if (!ready.empty() || Clock::now() >= deadline) return ready;
  }
}

}  // namespace forebay
