#include "device/fault_backend.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

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

TEST(FaultBackend, ABoundOnRowsAndAWaitForEveryTicket) {
  const auto backend = faulty("begin_batch:rows>2:oom;wait:2:recoverable");
  BatchSpec spec;
  spec.finish.height = spec.finish.width = 2;
  std::vector<std::byte> memory(std::size_t{3} * finished_row_bytes(spec.finish));
  backend->pin(memory);
  spec.rows = 3;
  EXPECT_THROW(backend->begin_batch(0, spec, memory), BackendError);
  spec.rows = 2;
  for (int round = 0; round < 2; ++round) {
    backend->begin_batch(0, spec, memory);
    const Ticket ticket = backend->end_batch(0, 0, {});
    EXPECT_FALSE(backend->done(ticket)) << "not before it was waited for";
    if (round == 1) {
      EXPECT_THROW(backend->wait(ticket), BackendError);
      continue;
    }
    backend->wait(ticket);
    EXPECT_TRUE(backend->done(ticket));
  }
}

TEST(FaultBackend, RulesThatMakeNoSenseAreRefused) {
  for (const char* rules : {"pin", "pin:x:sticky", "pin:0:sticky", "pin:1:loud", "pin:1", "pin:rows>3:oom",
                            "begin_batch:rows>:oom", "begin_batch:rows>3+:oom"}) {
    EXPECT_THROW(static_cast<void>(faulty(rules)), Error) << rules;
  }
}

}  // namespace
}  // namespace forebay
