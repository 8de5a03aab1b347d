#include <unistd.h>

#include <cstring>

#include "host/channel/channel.h"

// A library that a program loads at run time, built twice, with differing build ids. Loading it says so.

#ifndef CROSSING_RESULT
#error "CROSSING_RESULT tells the two builds apart"
#endif

namespace {
__attribute__((constructor)) void announce() {
  constexpr char text[] = "crossing library loaded\n";
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, text, std::strlen(text));
}
}  // namespace

/// A ChildMain.
extern "C" int crossing_main(forebay::Channel /*channel*/) { return CROSSING_RESULT; }

extern "C" const int crossing_data = 7;
