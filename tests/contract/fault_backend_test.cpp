#include "device/fault_backend.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace forebay {
namespace {

class FaultVariable {
 public:
  explicit FaultVariable(const char* rules) { ::setenv("FOREBAY_FAULT", rules, 1); }
  FaultVariable(const FaultVariable&) = delete;
  FaultVariable& operator=(const FaultVariable&) = delete;
  ~FaultVariable() { ::unsetenv("FOREBAY_FAULT"); }
};

std::unique_ptr<Backend> faulty(const char* rules) {
  const FaultVariable variable(rules);
  return make_cpu_backend(1);
}

BackendError::Kind kind_of_pin(Backend& backend, std::byte* memory) {
  try {
    backend.pin({memory, 1});
  } catch (const BackendError& error) {
    return error.kind();
  }
  return static_cast<BackendError::Kind>(99);
}

TEST(FaultBackend, FailsTheNthCallWithItsKind) {
  std::byte memory[8];
  const auto backend = faulty("pin:2:sticky;pin:3:oom;pin:5+:recoverable");
  EXPECT_EQ(static_cast<int>(kind_of_pin(*backend, memory)), 99);
  EXPECT_EQ(kind_of_pin(*backend, memory + 1), BackendError::Kind::sticky);
  EXPECT_EQ(kind_of_pin(*backend, memory + 2), BackendError::Kind::out_of_memory);
  EXPECT_EQ(static_cast<int>(kind_of_pin(*backend, memory + 3)), 99);
  EXPECT_EQ(kind_of_pin(*backend, memory + 4), BackendError::Kind::recoverable);
  EXPECT_EQ(kind_of_pin(*backend, memory + 5), BackendError::Kind::recoverable);
}

TEST(FaultBackend, RulesThatMakeNoSenseAreRefused) {
  for (const char* rules : {"pin", "pin:x:sticky", "pin:0:sticky", "pin:1:loud", "pin:1"}) {
    EXPECT_THROW(static_cast<void>(faulty(rules)), Error) << rules;
  }
}

}  // namespace
}  // namespace forebay
