#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "host/process/guardian.h"
#include "tests/process/probe.h"

namespace forebay::probe {

/// In a root: the number of the guardian that comes after `dead`; `dead` where none comes.
inline pid_t successor_of(pid_t dead) {
  const auto deadline = soon();
  pid_t now = dead;
  while ((now = detail::Guardian::instance().pid()) == dead && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  return now;
}

/// In a root: stays until the channel closes, and tells who asks when a dead guardian has its successor.
inline int stay_and_tell_successors(Channel channel) {
  const auto received = std::make_unique<Received>();
  while (true) {
    const ReceiveResult result = channel.receive_until(*received, soon());
    if (result == ReceiveResult::closed) return 0;
    if (result != ReceiveResult::received) continue;
    const auto dead = static_cast<pid_t>(received->as<Note>().value().number);
    tell(channel, Note::of("successor", successor_of(dead)));
  }
}

/// In the test: waits until the root has another guardian than this one, which was killed.
inline void await_successor(Channel& root, pid_t dead) {
  tell(root, Note::of("successor", dead));
  if (hear(root).number == dead) throw std::runtime_error("the guardian has no successor");
}

}  // namespace forebay::probe
