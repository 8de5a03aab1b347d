#pragma once

#include <thread>

namespace forebay {

/// For a thread that nobody is left to join, called by itself at its very end: it is joined by the next one
/// that comes here, or at the program's end. Blocks for those that came before. Thread-safe, also while the
/// program ends.
void leave_to_exit(std::thread thread);

}  // namespace forebay
