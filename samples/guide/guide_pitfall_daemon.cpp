// The guide's "Daemon Processes": a daemon ends with the process that started it. What is stronger than in
// Python: also where that one is killed and can clean nothing up. And a daemon may start processes itself.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <ranges>

#include "forebay/host.h"

namespace {

/// A background worker that would run for ever. It holds `alive` open, which closes at its end.
void background(const forebay::UniqueFd& /*alive*/) {
  ::signal(SIGTERM, SIG_IGN);
  while (true) ::pause();
}

/// Starts the daemon, and returns without joining it.
void ends_normally(forebay::UniqueFd alive) {
  forebay::Process({.daemon = true}, background, std::move(alive)).start();
}
/// The same, and is killed.
void is_killed(forebay::UniqueFd alive) {
  forebay::Process({.daemon = true}, background, std::move(alive)).start();
  ::raise(SIGKILL);
}

/// A worker of a pool may have a pool of its own.
int sum_of_squares(int n) {
  forebay::Pool pool(1);
  int sum = 0;
  for (const int result : pool.map([](int i) { return i * i; }, std::views::iota(1, n + 1))) sum += result;
  return sum;
}

/// Runs `parent` and waits, at most 5 s, until no process holds the pipe any more.
bool daemon_ends_with(void (*parent)(forebay::UniqueFd)) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const forebay::UniqueFd watch(ends[0]);
  forebay::Process process(parent, forebay::UniqueFd(ends[1]));
  process.start();
  process.join();
  pollfd closed{watch.get(), POLLIN, 0};
  return ::poll(&closed, 1, 5000) == 1;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  std::printf("Parent returns: the daemon %s\n", daemon_ends_with(ends_normally) ? "ended" : "lives on");
  std::printf("Parent is killed: the daemon %s\n", daemon_ends_with(is_killed) ? "ended" : "lives on");
  std::printf("A pool in a worker of a pool: %d\n", forebay::Pool(1).apply(sum_of_squares, 3));
}
