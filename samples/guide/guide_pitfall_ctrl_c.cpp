// Ctrl+C while map() waits: one exception in the parent, no text from the workers, and nobody is left.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <ranges>

#include "forebay/host.h"

namespace {

/// Item 3 presses Ctrl+C for us: a terminal sends SIGINT to the parent, because workers lie in process groups
/// of their own. The others would work for ever.
void work(int item) {
  if (item == 3) ::kill(forebay::parent_process()->pid(), SIGINT);
  while (true) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  const forebay::InterruptScope ctrl_c_is_an_exception;  // without it Ctrl+C ends the program and its workers
  forebay::Pool pool(4);
  try {
    pool.map(work, std::views::iota(0, 4), 1);
    std::printf("never reached\n");
  } catch (const forebay::Interrupted&) {
    std::printf("Interrupted once, in the parent\n");
    pool.terminate();  // not close(): nobody wants the results any more
    pool.join();
  }
  std::printf("Workers left: %zu\n", pool.worker_pids().size());
}
