#include "host/pool/wait.h"

#include "host/pool/gathering.h"

namespace forebay::detail {

void wait_for_states(std::span<FutureState* const> states, FutureHost::TimePoint deadline, ReturnWhen until) {
  if (states.empty()) return;
  Gathering gathering(states);
  const std::size_t count = until == ReturnWhen::first_completed ? 1 : states.size();
  gathering.wait_for(count, until == ReturnWhen::first_exception, deadline);
}

}  // namespace forebay::detail
