#include "host/sync/shared_context.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/memory/memory_budget.h"
#include "host/process/crash_point.h"
#include "host/process/process_info.h"
#include "host/sync/context_watch.h"

namespace forebay {
namespace {

constexpr std::uint64_t block_alignment = 64;

constexpr std::uint64_t padded(std::uint64_t bytes) noexcept {
  return (bytes + block_alignment - 1) / block_alignment * block_alignment;
}

std::uint64_t random_id() {
  std::uint64_t id = 0;
  while (id == 0) {
    if (::getrandom(&id, sizeof(id), 0) != static_cast<ssize_t>(sizeof(id)) && errno != EINTR) {
      throw os_error(errno, "cannot get a random number");
    }
  }
  return id;
}

}  // namespace

SharedContext::SharedContext(SealedMemory memory, UniqueFd doorbell, bool made_here)
    : memory_(std::move(memory)),
      doorbell_(std::move(doorbell)),
      made_here_(made_here),
      free_(padded(sizeof(ContextHeader)), memory_.bytes().size()),
      fresh_(padded(sizeof(ContextHeader))),
      collect_below_(free_.bytes() / 2) {}

std::shared_ptr<SharedContext> SharedContext::create(std::size_t bytes) {
  if (bytes >= limits::admitted_range_bytes_min) {
    MemoryBudget::read().admit(bytes, "shared objects", "use smaller or fewer of them");
  }
  SealedMemory memory = SealedMemory::create_sparse("forebay-context", bytes);
  UniqueFd doorbell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!doorbell.valid())
    throw os_error(errno, "cannot create an event", "raise the limit on open files (ulimit -n)");
  auto* header = ::new (memory.bytes().data()) ContextHeader;
  header->id = random_id();
  header->bytes = memory.bytes().size();
  auto context = std::make_shared<SharedContext>(std::move(memory), std::move(doorbell), true);
  context->join();
  header->supervisor = context->self().value();
  ContextWatch::instance().add(context);
  return context;
}

SharedContext::Placed SharedContext::make_object(ObjectKind kind, std::size_t bytes) {
  ContextWatch& watch = ContextWatch::instance();
  if (bytes <= limits::context_object_bytes_max) {
    auto context = watch.default_context([] { return create(limits::context_bytes); });
    if (const auto offset = context->allocate(kind, bytes)) return {std::move(context), *offset};
    throw Error(ErrorCode::no_memory, "this process has made so many locks, events and values that their " +
                                          std::to_string(context->memory_.bytes().size()) +
                                          " bytes of shared memory are full; let go of some");
  }
  for (auto& context : watch.large_contexts()) {
    if (const auto offset = context->allocate(kind, bytes)) return {std::move(context), *offset};
  }
  auto context = create(padded(sizeof(ContextHeader)) + padded(bytes + sizeof(SharedObject)));
  watch.add_large(context);
  const auto offset = context->allocate(kind, bytes);
  if (!offset) return make_object(kind, bytes);  // another thread was faster
  return {std::move(context), *offset};
}

/// Takes a place in the table. Before this, the process owns nothing here.
void SharedContext::join() {
  const pid_t pid = ::getpid();
  for (std::uint32_t i = 0; i < limits::participants_max; ++i) {
    Participant& place = header().participants[i];
    std::uint64_t word = place.word.load(std::memory_order_acquire);
    if (Participant::state_of(word) != Participant::State::free) continue;
    std::uint32_t generation = (Participant::generation_of(word) + 1) & 0x3FFFU;
    if (generation == 0) generation = 1;  // a token is never 0
    const std::uint64_t mine = Participant::pack(Participant::State::joined, generation, pid);
    place.start_time.store(0, std::memory_order_relaxed);
    if (!place.word.compare_exchange_strong(word, mine, std::memory_order_acq_rel)) continue;
    crash_point("context.joined");
    place.start_time.store(start_time_of(pid).value_or(0), std::memory_order_release);
    self_ = OwnerToken(i, generation);
    const std::uint64_t one = 1;
    static_cast<void>(::write(doorbell_.get(), &one, sizeof(one)));  // a full counter (EAGAIN) rings as well
    crash_point("context.announced");
    return;
  }
  throw Error(ErrorCode::environment, "at most " + std::to_string(limits::participants_max) +
                                          " processes can share a lock, queue or value at a time; end some");
}

bool SharedContext::knows(OwnerToken owner) const noexcept {
  const std::uint64_t word = header().participants[owner.index()].word.load(std::memory_order_acquire);
  return Participant::state_of(word) != Participant::State::free &&
         OwnerToken(owner.index(), Participant::generation_of(word)) == owner;
}

SharedObject& SharedContext::object(std::uint64_t offset) const {
  if (offset < sizeof(ContextHeader) || offset % block_alignment != 0 ||
      offset + sizeof(SharedObject) > memory_.bytes().size()) {
    throw Error(ErrorCode::protocol, "received a handle that names no shared object");
  }
  return *reinterpret_cast<SharedObject*>(at(offset));
}

std::optional<std::uint64_t> SharedContext::allocate(ObjectKind kind, std::size_t bytes) {
  expect(made_here_, "only the process that made a context allocates in it");
  const std::scoped_lock lock(mutex_);
  const std::uint64_t block = padded(sizeof(SharedObject) + bytes);
  if (free_.bytes() < collect_below_) collect();
  std::optional<std::uint64_t> offset = free_.take(block);
  if (!offset) {
    collect();
    offset = free_.take(block);
  }
  if (offset) publish(*offset, block, kind);
  return offset;
}

/// What nobody has a handle of is free. Others see a list that is whole at any moment, as the maker may be
/// killed; the supervisor, which is in the maker's process while that lives, looks under the same lock. The
/// next look comes when half of what is free now was given out: so an object costs no more than a few looks.
void SharedContext::collect() {
  std::atomic<std::uint64_t>* link = &header().newest_object;
  for (std::uint64_t offset = link->load(std::memory_order_relaxed); offset != 0;) {
    SharedObject& one = object(offset);
    const std::uint64_t next = one.next.load(std::memory_order_relaxed);
    if (one.unused()) {
      const std::uint64_t block = one.bytes;
      free_.give(offset, block);
      link->store(next, std::memory_order_release);  // pairs with a successor's walk
      one.kind.store(ObjectKind::free, std::memory_order_release);
      if (block > limits::context_object_bytes_max) clear(offset, block);  // the memory is the system's
    } else {
      link = &one.next;
    }
    offset = next;
  }
  collect_below_ = free_.bytes() / 2;
}

void SharedContext::publish(std::uint64_t offset, std::uint64_t block_bytes, ObjectKind kind) {
  if (offset < fresh_) clear(offset, std::min(block_bytes, fresh_ - offset));
  fresh_ = std::max(fresh_, offset + block_bytes);
  auto* fresh = ::new (at(offset)) SharedObject;
  fresh->bytes = block_bytes;
  fresh->next.store(header().newest_object.load(std::memory_order_relaxed), std::memory_order_relaxed);
  fresh->add_user(self_.index());
  fresh->kind.store(kind, std::memory_order_relaxed);
  header().newest_object.store(offset, std::memory_order_release);  // pairs with the supervisor's walk
}

/// Whole pages are given back to the system, which gives zeros for them.
void SharedContext::clear(std::uint64_t offset, std::uint64_t count) noexcept {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first = (offset + page - 1) / page * page;
  const std::uint64_t last = (offset + count) / page * page;
  const bool many = count > limits::context_object_bytes_max;
  if (!many || ::madvise(at(first), last - first, MADV_REMOVE) != 0) {
    std::memset(at(offset), 0, count);
    return;
  }
  std::memset(at(offset), 0, first - offset);
  std::memset(at(last), 0, offset + count - last);
}

void SharedContext::let_go(std::uint64_t offset) noexcept {
  auto& one = *reinterpret_cast<SharedObject*>(at(offset));
  const bool large =
      made_here_ && one.bytes > limits::context_object_bytes_max;  // looked at while it is ours
  one.drop_user(self_.index());
  if (!large) return;
  try {
    const std::scoped_lock lock(mutex_);
    collect();  // its memory is the system's at once, where nobody else has it
  } catch (const std::exception&) {
    return;  // it is found again when the next one is made
  }
}

void SharedContext::for_each_object(const std::function<void(SharedObject&, std::byte* body)>& look) {
  const std::scoped_lock lock(mutex_);
  // Acquire pairs with publish() and collect() of a maker that has ended.
  for (std::uint64_t offset = header().newest_object.load(std::memory_order_acquire); offset != 0;) {
    SharedObject& one = object(offset);
    look(one, at(offset + sizeof(SharedObject)));
    offset = one.next.load(std::memory_order_acquire);
  }
}

void SharedContext::encode_into(Encoder& out) const {
  out.write_plain(id());
  out.write_plain(header().bytes);
  out.write_shared_fd(id(), memory_.fd());
  out.write_shared_fd(id() + 1, doorbell_.get());
}

std::shared_ptr<SharedContext> SharedContext::decode_from(Decoder& in) {
  const auto id = in.read_plain<std::uint64_t>();
  const auto bytes = in.read_plain<std::uint64_t>();
  const auto memory_index = in.read_plain<std::uint32_t>();
  const auto doorbell_index = in.read_plain<std::uint32_t>();
  return ContextWatch::instance().known_context(id, [&] {
    UniqueFd memory_fd = in.take_fd(memory_index);
    UniqueFd doorbell = in.take_fd(doorbell_index);
    SealedMemory memory = SealedMemory::open(std::move(memory_fd), bytes);
    const auto* header = reinterpret_cast<const ContextHeader*>(memory.bytes().data());
    if (bytes < sizeof(ContextHeader) || header->magic != ContextHeader::magic_value || header->id != id) {
      throw Error(ErrorCode::protocol, "received shared memory that is no context of this program's");
    }
    auto context = std::make_shared<SharedContext>(std::move(memory), std::move(doorbell), false);
    context->join();
    return context;
  });
}

}  // namespace forebay
