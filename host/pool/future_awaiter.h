#pragma once

#include <coroutine>
#include <memory>
#include <type_traits>
#include <utility>

#include "host/pool/future.h"

namespace forebay {

/// What co_await makes of a Future<T>: see there. Moves the result out where `moves`, else refers to it.
template <class T, bool moves>
class FutureAwaiter {
 public:
  explicit FutureAwaiter(Future<T> future) noexcept : future_(std::move(future)) {}

  [[nodiscard]] bool await_ready() const { return future_.done(); }

  bool await_suspend(std::coroutine_handle<> coroutine) {
    // The coroutine may go on, and end this awaiter, before the state has left add_continuation().
    const std::shared_ptr<detail::FutureState> kept = future_.shared_state();
    std::unique_ptr<detail::Continuation> resume = std::make_unique<Resume>(coroutine);
    return kept->add_continuation(resume);
  }

  std::conditional_t<moves, T, std::add_lvalue_reference_t<const T>> await_resume() {
    if constexpr (moves) {
      return std::move(future_).result();
    } else {
      return future_.result();
    }
  }

 private:
  class Resume final : public detail::Continuation {
   public:
    explicit Resume(std::coroutine_handle<> coroutine) noexcept : coroutine_(coroutine) {}
    void run(const std::shared_ptr<detail::FutureState>& /*state*/) override { coroutine_.resume(); }

   private:
    std::coroutine_handle<> coroutine_;
  };

  Future<T> future_;
};

}  // namespace forebay
