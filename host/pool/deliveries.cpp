#include "host/pool/deliveries.h"

#include <utility>

#include "host/channel/ring.h"
#include "host/process/remote_error.h"

namespace forebay {

thread_local Deliveries* Deliveries::innermost_ = nullptr;

void Deliveries::add(const std::shared_ptr<TaskSink>& sink, std::uint32_t item, Kind kind, std::size_t begin,
                     std::size_t size) {
  // Neighbours are mostly items of one task.
  if (sinks_.empty() || sinks_.back() != sink) sinks_.push_back(sink);
  entries_.push_back({sink.get(), item, kind, begin, size});
}

std::size_t Deliveries::keep(std::span<const std::byte> bytes) {
  const std::size_t begin = (bytes_.size() + ring_alignment - 1) / ring_alignment * ring_alignment;
  bytes_.resize(begin);
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return begin;
}

void Deliveries::add_result(const std::shared_ptr<TaskSink>& sink, std::uint32_t item,
                            std::span<const std::byte> bytes) {
  add(sink, item, Kind::result, bytes.empty() ? 0 : keep(bytes), bytes.size());
}

void Deliveries::add_result(const std::shared_ptr<TaskSink>& sink, std::uint32_t item, Payload payload) {
  payloads_.push_back(std::move(payload));
  add(sink, item, Kind::payload, payloads_.size() - 1, 0);
}

void Deliveries::add_nothing(const std::shared_ptr<TaskSink>& sink, std::uint32_t first,
                             std::uint32_t count) {
  add(sink, first, Kind::nothing, 0, count);
}

void Deliveries::add_exception(const std::shared_ptr<TaskSink>& sink, std::uint32_t item,
                               std::span<const std::byte> bytes) {
  add(sink, item, Kind::exception, keep(bytes), bytes.size());
}

void Deliveries::add_failure(const std::shared_ptr<TaskSink>& sink, std::uint32_t item,
                             std::exception_ptr error) {
  failures_.push_back(std::move(error));
  add(sink, item, Kind::failure, failures_.size() - 1, 0);
}

void Deliveries::hand_out(const Entry& entry) {
  const bool in_bytes = entry.kind == Kind::result || entry.kind == Kind::exception;
  const auto bytes =
      std::span<const std::byte>(bytes_).subspan(in_bytes ? entry.begin : 0, in_bytes ? entry.size : 0);
  switch (entry.kind) {
    case Kind::result: {
      Decoder decoder(bytes, {});
      entry.sink->returned(entry.item, decoder);
      break;
    }
    case Kind::payload: {
      Payload& payload = payloads_[entry.begin];
      Decoder decoder(payload.bytes(), payload.fds());
      entry.sink->returned(entry.item, decoder);
      payload = Payload{};
      break;
    }
    case Kind::nothing: {
      entry.sink->returned_nothing(entry.item, static_cast<std::uint32_t>(entry.size));
      break;
    }
    case Kind::exception: entry.sink->threw(entry.item, decode_exception(bytes)); break;
    case Kind::failure: entry.sink->threw(entry.item, failures_[entry.begin]); break;
  }
}

/// Those that are left, each once: what an entry calls may come back here and go on behind it.
bool Deliveries::hand_out_entries() noexcept {
  bool any = false;
  while (next_ < entries_.size()) {
    const Entry entry = entries_[next_++];
    any = true;
    try {
      hand_out(entry);
    } catch (...) {
      entry.sink->threw(entry.item, std::current_exception());
    }
  }
  return any;
}

bool Deliveries::hand_out_rest() noexcept {
  bool any = false;
  for (Deliveries* batch = innermost_; batch != nullptr; batch = batch->outer_) {
    any = batch->hand_out_entries() || any;
  }
  return any;
}

std::uint32_t Deliveries::under_way_here(const void* owner) noexcept {
  std::uint32_t count = 0;
  for (const Deliveries* batch = innermost_; batch != nullptr; batch = batch->outer_) {
    if (batch->owner_ == owner) ++count;
  }
  return count;
}

void Deliveries::hand_out() noexcept {
  if (entries_.empty()) return;
  outer_ = std::exchange(innermost_, this);
  static_cast<void>(hand_out_entries());
  innermost_ = outer_;
  next_ = 0;
  entries_.clear();
  bytes_.clear();
  payloads_.clear();
  failures_.clear();
  sinks_.clear();
}

}  // namespace forebay
