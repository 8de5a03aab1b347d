#pragma once

#include <utility>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "host/process/process.h"
#include "host/process/start_method.h"

namespace forebay {

/// A start method to make processes with, for a library that must not change the program's default.
class Context {
 public:
  explicit Context(StartMethod method) noexcept : method_(method) {}
  [[nodiscard]] StartMethod start_method() const noexcept { return method_; }

  /// As Process's constructors; the options' own start method goes first.
  template <typename F, typename... A>
  requires(!std::is_same_v<std::remove_cvref_t<F>, ProcessOptions>) [[nodiscard]] Process
      process(const F& function, A&&... arguments) const {
    return process(ProcessOptions{}, function, std::forward<A>(arguments)...);
  }
  template <typename F, typename... A>
  [[nodiscard]] Process process(ProcessOptions options, const F& function, A&&... arguments) const {
    if (!options.start_method) options.start_method = method_;
    return Process(std::move(options), function, std::forward<A>(arguments)...);
  }

  /// A pool or executor whose workers are started so; the options' own start method goes first.
  [[nodiscard]] Pool pool(PoolOptions options = {}) const {
    if (!options.start_method) options.start_method = method_;
    return Pool(std::move(options));
  }
  [[nodiscard]] ProcessPoolExecutor executor(ExecutorOptions options = {}) const {
    if (!options.start_method) options.start_method = method_;
    return ProcessPoolExecutor(std::move(options));
  }

 private:
  StartMethod method_;
};

[[nodiscard]] inline Context get_context(StartMethod method) noexcept { return Context(method); }
[[nodiscard]] inline Context get_context() noexcept { return Context(get_start_method()); }

}  // namespace forebay
