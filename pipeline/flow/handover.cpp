#include "pipeline/flow/handover.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "host/error.h"

namespace forebay {
namespace {

UniqueFd make_eventfd() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid())
    throw os_error(errno, "cannot create an eventfd", "raise the limit on open files (ulimit -n)");
  return fd;
}

}  // namespace

Handover::Handover(BatchGrid grid, Order order) : wake_(make_eventfd()), ready_(std::move(grid), order) {}

void Handover::offer(Chunk chunk) {
  const std::scoped_lock lock(mutex_);
  ready_.offer(std::move(chunk));
  changed_.notify_all();
}

void Handover::set_total(std::uint64_t items) {
  const std::scoped_lock lock(mutex_);
  ready_.set_total(items);
  changed_.notify_all();
}

void Handover::set_starved(bool starved) {
  const std::scoped_lock lock(mutex_);
  if (starved_ == starved) return;
  starved_ = starved;
  changed_.notify_all();
}

std::optional<Chunk> Handover::revoke_last_if_waiting(std::uint64_t item) {
  const std::scoped_lock lock(mutex_);
  if (!waiting_) return std::nullopt;
  return ready_.revoke_last(item);
}

void Handover::offer_result(BatchResult result) {
  const std::scoped_lock lock(mutex_);
  results_.push_back(std::move(result));
  changed_.notify_all();
}

void Handover::finish() {
  const std::scoped_lock lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void Handover::fail(std::exception_ptr error) {
  const std::scoped_lock lock(mutex_);
  if (!error_) error_ = std::move(error);
  finished_ = true;
  changed_.notify_all();
}

std::vector<Lease> Handover::take_released() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(released_, {});
}

std::vector<std::uint32_t> Handover::take_released_results() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(released_results_, {});
}

void Handover::drain() noexcept {
  std::uint64_t count = 0;
  // EAGAIN: somebody else's wake-up was drained already; both mean quiet.
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
}

void Handover::throw_if_failed() const {
  if (error_) std::rethrow_exception(error_);
}

void Handover::wait(std::unique_lock<std::mutex>& lock) {
  waiting_ = true;
  if (starved_) wake();  // the flow may have to revoke a chunk now
  changed_.wait(lock);
  waiting_ = false;
}

std::optional<PickedBatch> Handover::next_batch() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (cut_ || stopped_) {
      throw_if_failed();
      return std::nullopt;
    }
    const std::optional<std::uint64_t> batch = ready_.pick_batch(starved_ || finished_);
    if (batch) return PickedBatch{*batch, ready_.batch_begin(*batch)};
    throw_if_failed();
    if (ready_.exhausted() || finished_) return std::nullopt;
    wait(lock);
  }
}

std::optional<Chunk> Handover::next_chunk(std::uint64_t batch, std::uint64_t item) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (item >= ready_.batch_end(batch)) return std::nullopt;
    std::optional<Chunk> chunk = ready_.take(item);
    if (chunk) return chunk;
    if (stopped_ || finished_) {
      cut_ = true;
      return std::nullopt;
    }
    wait(lock);
  }
}

std::optional<BatchResult> Handover::next_result(std::optional<std::uint64_t> batch) {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto found = std::find_if(results_.begin(), results_.end(),
                                    [&](const BatchResult& r) { return !batch || r.batch == *batch; });
    if (found != results_.end()) {
      BatchResult result = std::move(*found);
      results_.erase(found);
      return result;
    }
    throw_if_failed();
    if (finished_) return std::nullopt;
    wait(lock);
  }
}

void Handover::await_end() {
  std::unique_lock lock(mutex_);
  while (!finished_) wait(lock);
  throw_if_failed();
}

void Handover::release(const Lease& lease) {
  {
    const std::scoped_lock lock(mutex_);
    released_.push_back(lease);
  }
  wake();
}

void Handover::release_result(std::uint32_t result) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    released_results_.push_back(result);
  }
  wake();
}

void Handover::stop() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  wake();
}

bool Handover::stopped() const noexcept {
  const std::scoped_lock lock(mutex_);
  return stopped_;
}

void Handover::wake() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is full, so the reader is awake already.
  [[maybe_unused]] const ssize_t put = ::write(wake_.get(), &one, sizeof(one));
}

}  // namespace forebay
