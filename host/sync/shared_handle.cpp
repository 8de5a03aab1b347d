#include "host/sync/shared_handle.h"

#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "host/error.h"

namespace forebay {
namespace {

/// The shares that this process has, so that a second handle of an object joins the first one's.
struct Shares {
  pid_t home = ::getpid();
  std::mutex mutex;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<void>> known;  // by context and offset
};

/// Never destroyed: handles may outlive every static. A forked copy, which has none of the memory mapped,
/// begins anew.
Shares& shares() {
  static std::atomic<Shares*> current{nullptr};
  static std::mutex making;
  Shares* known = current.load(std::memory_order_acquire);
  if (known != nullptr && known->home == ::getpid()) return *known;
  const std::scoped_lock lock(making);
  known = current.load(std::memory_order_acquire);
  if (known == nullptr || known->home != ::getpid()) {
    known = std::make_unique<Shares>().release();
    current.store(known, std::memory_order_release);
  }
  return *known;
}

}  // namespace

SharedHandle::Share::~Share() {
  Shares& all = shares();
  const std::scoped_lock lock(all.mutex);
  // In a forked copy, which does not have the memory, there is nothing to let go of.
  const auto found = all.known.find({id, offset});
  // Another handle of the object may have come while this share was ending: then the process is a user still.
  if (found == all.known.end() || !found->second.expired()) return;
  all.known.erase(found);
  context->let_go(offset);
}

std::shared_ptr<SharedHandle::Share> SharedHandle::share_of(const std::shared_ptr<SharedContext>& context,
                                                            std::uint64_t offset) {
  Shares& all = shares();
  const std::scoped_lock lock(all.mutex);
  auto& entry = all.known[{context->id(), offset}];
  if (const auto known = std::static_pointer_cast<Share>(entry.lock())) return known;
  auto share = std::make_shared<Share>(context, offset);
  entry = share;
  context->object(offset).add_user(context->self().index());
  return share;
}

SharedHandle SharedHandle::make(ObjectKind kind, std::size_t bytes) {
  const SharedContext::Placed placed = SharedContext::make_object(kind, bytes);
  return SharedHandle(share_of(placed.context, placed.offset));
}

void SharedHandle::encode_into(Encoder& out) const {
  if (!share_)
    throw Error(ErrorCode::usage, "a handle that was moved from cannot be passed to another process");
  share_->context->encode_into(out);
  out.write_plain(share_->offset);
  object().in_transit.fetch_add(1, std::memory_order_acq_rel);
}

SharedHandle SharedHandle::decode_from(Decoder& in, ObjectKind kind) {
  const auto context = SharedContext::decode_from(in);
  const auto offset = in.read_plain<std::uint64_t>();
  SharedObject& object = context->object(offset);
  if (object.kind.load(std::memory_order_acquire) != kind) {
    throw Error(ErrorCode::protocol, "received a handle of another kind of object");
  }
  SharedHandle handle(share_of(context, offset));
  object.in_transit.fetch_sub(1, std::memory_order_acq_rel);
  return handle;
}

}  // namespace forebay
