#include "tests/crash_host/shared_world.h"

#include <poll.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace forebay::crash {
namespace {

constexpr std::chrono::seconds far_above{15};

}  // namespace

void pause_for(std::chrono::microseconds time) {
  const timespec pause{0, std::chrono::nanoseconds(time).count()};
  static_cast<void>(::ppoll(nullptr, 0, &pause, nullptr));
}

World::World(std::uint32_t message_ids, std::uint32_t processes, std::uint32_t parties)
    : pair(2), barrier(parties), put(message_ids), got(message_ids), said(message_ids), rounds(processes) {}

void World::encode_into(Encoder& out) const {
  lock.encode_into(out);
  pair.encode_into(out);
  semaphore.encode_into(out);
  barrier.encode_into(out);
  condition.encode_into(out);
  tickets.encode_into(out);
  event.encode_into(out);
  queue.encode_into(out);
  put.encode_into(out);
  got.encode_into(out);
  said.encode_into(out);
  rounds.encode_into(out);
  next_message.encode_into(out);
  owner_died.encode_into(out);
  torn.encode_into(out);
  there.encode_into(out);
  stop.encode_into(out);
}

World World::decode_from(Decoder& in) { return World(in); }

// Members are made in their order, which is encode_into's.
World::World(Decoder& in)
    : lock(Lock::decode_from(in)),
      pair(Array<int>::decode_from(in)),
      semaphore(BoundedSemaphore::decode_from(in)),
      barrier(Barrier::decode_from(in)),
      condition(Condition::decode_from(in)),
      tickets(Value<int>::decode_from(in)),
      event(Event::decode_from(in)),
      queue(Queue<std::uint32_t>::decode_from(in)),
      put(Array<std::uint8_t>::decode_from(in)),
      got(Array<std::uint8_t>::decode_from(in)),
      said(Array<std::uint8_t>::decode_from(in)),
      rounds(Array<int>::decode_from(in)),
      next_message(Value<std::uint32_t>::decode_from(in)),
      owner_died(Value<int>::decode_from(in)),
      torn(Value<int>::decode_from(in)),
      there(Value<int>::decode_from(in)),
      stop(Event::decode_from(in)) {}

void World::use_lock(std::chrono::microseconds held) {
  if (!lock.try_lock_for(far_above)) throw std::runtime_error("the lock does not come");
  if (lock.owner_died()) {
    owner_died.fetch_add(1);
    pair[1] = pair[0];
  } else if (pair[0] != pair[1]) {
    torn.fetch_add(1);
  }
  pair[0] += 1;
  if (held.count() > 0) pause_for(held);
  pair[1] += 1;
  lock.unlock();
}

void World::use_semaphore() {
  if (!semaphore.acquire(far_above)) throw std::runtime_error("the permit does not come");
  semaphore.release();
}

void World::put_one() {
  const std::uint32_t id = next_message.fetch_add(1);
  if (id >= put.size()) throw std::runtime_error("too many messages for the notes");
  while (true) {
    try {
      queue.put(id, std::chrono::milliseconds(100));
      break;
    } catch (const QueueFull&) {
      if (stop.is_set()) return;
    }
  }
  std::atomic_ref<std::uint8_t>(put[id]).store(1);
}

bool World::get_one(std::chrono::milliseconds time, std::chrono::microseconds held) {
  try {
    const auto view = queue.take(ByteQueue::Clock::now() + time);
    std::uint32_t id = 0;
    std::memcpy(&id, view.bytes().data(), sizeof(id));
    // Noted before the message is given back: who dies in between has had it, and it comes again.
    std::atomic_ref<std::uint8_t>(got[id]).fetch_add(1);
    if (view.deliveries_before() != 0) std::atomic_ref<std::uint8_t>(said[id]).fetch_add(1);
    if (held.count() > 0) pause_for(held);
    return true;
  } catch (const QueueEmpty&) {
    return false;
  }
}

std::string World::wrong_messages(std::uint32_t unfinished_max) const {
  std::uint32_t lost = 0;
  std::uint32_t twice = 0;
  std::uint32_t unfinished = 0;
  for (std::uint32_t id = 0; id < next_message.load() && id < put.size(); ++id) {
    if (put[id] != 0 && got[id] == 0) ++lost;
    if (got[id] > 1 && got[id] - 1 > said[id]) ++twice;
    if (put[id] == 0 && got[id] != 0) ++unfinished;
  }
  std::string wrong;
  if (lost != 0) wrong += std::to_string(lost) + " messages lost; ";
  if (twice != 0) wrong += std::to_string(twice) + " messages twice without saying so; ";
  if (unfinished > unfinished_max) wrong += std::to_string(unfinished) + " messages that nobody put; ";
  return wrong;
}

}  // namespace forebay::crash
