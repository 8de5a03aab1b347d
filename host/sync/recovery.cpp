#include "host/sync/recovery.h"

#include "host/channel/queue_core.h"
#include "host/sync/barrier.h"
#include "host/sync/condition.h"
#include "host/sync/event.h"
#include "host/sync/lock.h"
#include "host/sync/semaphore.h"

namespace forebay {
namespace {

void recover_object(SharedObject& object, std::byte* body, OwnerToken dead, bool in_order) {
  switch (object.kind.load(std::memory_order_acquire)) {
    case ObjectKind::semaphore: reinterpret_cast<SemaphoreBody*>(body)->recover(dead); break;
    case ObjectKind::condition: reinterpret_cast<ConditionBody*>(body)->recover(dead); break;
    case ObjectKind::barrier:
      reinterpret_cast<BarrierBody*>(body)->recover(dead, in_order, object.has_user(dead.index()));
      break;
    case ObjectKind::queue: reinterpret_cast<QueueBody*>(body)->recover(dead); break;
    case ObjectKind::event: reinterpret_cast<EventBody*>(body)->recover(); break;
    case ObjectKind::lock: reinterpret_cast<LockBody*>(body)->recover(); break;
    case ObjectKind::value:
    case ObjectKind::free: break;
  }
}

}  // namespace

void recover(SharedContext& context, OwnerToken dead, bool in_order) {
  context.for_each_object([&](SharedObject& object, std::byte* body) {
    recover_object(object, body, dead, in_order);
    object.drop_user(dead.index());
  });
}

}  // namespace forebay
