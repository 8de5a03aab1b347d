// Compiled by a test that expects it to fail (and, without the capture, to succeed).
#include "host/process/function.h"

int (*address_of_a_callable())(int) {
  int added = 1;
#ifdef CAPTURE
  const auto callable = [added](int x) { return x + added; };
#else
  static_cast<void>(added);
  const auto callable = [](int x) { return x + 1; };
#endif
  return forebay::trampoline_of<decltype(callable), int, int>(callable);
}
