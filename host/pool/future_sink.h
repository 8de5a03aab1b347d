#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "host/codec/codec.h"
#include "host/pool/crew_task.h"
#include "host/pool/future.h"
#include "host/pool/future_value.h"

namespace forebay {

/// A sink that can be told that its task was dropped before it began.
class CancellableSink : public TaskSink {
 public:
  virtual void cancel() noexcept = 0;
};

/// Completes a future with a task's one result.
template <typename R>
class FutureSink final : public CancellableSink {
 public:
  FutureSink(std::shared_ptr<FutureHost> host, std::uint64_t serial)
      : state_(detail::FutureValue<R>::make(std::move(host), serial)) {}

  [[nodiscard]] Future<R> future() const { return Future<R>(state_); }

  void returned(std::uint32_t /*item*/, Decoder& result) override {
    state_->resolve_with([&result]() -> R {
      if constexpr (!std::is_void_v<R>) return decode<R>(result);
    });
  }
  void threw(std::uint32_t /*item*/, std::exception_ptr error) noexcept override {
    state_->fail(std::move(error));
  }
  /// The crew has let go of the task, so nobody else completes the future.
  void cancel() noexcept override { state_->drop(); }

 private:
  std::shared_ptr<detail::FutureValue<R>> state_;
};

}  // namespace forebay
