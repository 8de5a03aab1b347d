#pragma once

#include <atomic>
#include <cstdint>

#include "host/channel/queue.h"
#include "host/sync/barrier.h"
#include "host/sync/condition.h"
#include "host/sync/event.h"
#include "host/sync/lock.h"
#include "host/sync/semaphore.h"
#include "host/sync/value.h"

namespace forebay::crash {

/// One of everything that processes can share, what they note in it, and what the notes are checked by. A
/// handle of all: what arrives in another process is the same world.
struct World {
  /// Ids of messages and processes that the notes have room for.
  World(std::uint32_t message_ids, std::uint32_t processes, std::uint32_t parties);

  Lock lock;
  Array<int> pair;  ///< two steps under the lock
  BoundedSemaphore semaphore{2};
  Barrier barrier;
  Condition condition;
  Value<int> tickets{0};  ///< under the condition's lock
  Event event;
  Queue<std::uint32_t> queue{4};
  Array<std::uint8_t> put;  ///< by message: its put has returned
  Array<std::uint8_t> got;  ///< by message: how often a consumer had it
  Array<std::uint8_t>
      said;           ///< by message: of these, how often it said that it may have been delivered before
  Array<int> rounds;  ///< by process: what it has done so far
  Value<std::uint32_t> next_message{0};
  Value<int> owner_died{0};  ///< times that a holder was told
  Value<int> torn{0};        ///< times that it was not, and should have been
  Value<int> there{0};       ///< processes that have begun
  Event stop;

  void encode_into(Encoder& out) const;
  [[nodiscard]] static World decode_from(Decoder& in);

  void round_done(std::uint32_t process) const { std::atomic_ref<int>(rounds[process]).fetch_add(1); }
  [[nodiscard]] int rounds_of(std::uint32_t process) const {
    return std::atomic_ref<int>(rounds[process]).load();
  }

  /// One piece of work each. Time-outs far above what anything takes: what does not come by then throws.
  /// `held`: for so long in the middle.
  void use_lock(std::chrono::microseconds held = {});
  void use_semaphore();
  void put_one();
  /// False: there was none in so short a time.
  bool get_one(std::chrono::milliseconds time, std::chrono::microseconds held = {});

  /// What is wrong with the messages, the queue being empty; nothing: "".
  [[nodiscard]] std::string wrong_messages(std::uint32_t unfinished_max) const;

 private:
  explicit World(Decoder& in);
};

/// Between steps of those that must not run ahead. In tests only.
void pause_for(std::chrono::microseconds time);

}  // namespace forebay::crash
