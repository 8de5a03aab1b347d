// What the guide calls fault isolation, and Python's Pool lacks: a worker that is killed in the middle of
// map() costs one item, which fails or runs again. There is no hang, and the other results are right.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <ranges>

#include "forebay/host.h"

namespace {

int crash_at_3(int n) {
  if (n == 3) ::raise(SIGKILL);
  return n * n;
}

/// Dies if there is something to read: once.
int crash_once(const forebay::UniqueFd& reasons_to_die, int n) {
  char reason = 0;
  if (::read(reasons_to_die.get(), &reason, 1) == 1) ::raise(SIGKILL);
  return n * n;
}

void the_item_fails() {
  forebay::Pool pool(2);
  auto results = pool.imap(crash_at_3, std::views::iota(1, 6));
  for (int item = 1; item < 6; ++item) {
    try {
      std::printf("%d: %d\n", item, *results.next());
    } catch (const forebay::WorkerDied& death) {
      std::printf("%d: WorkerDied by signal %d\n", item, death.signal());
    }
  }
}

void or_runs_again() {
  int ends[2];
  if (::pipe(ends) != 0) return;
  forebay::UniqueFd in(ends[0]);
  forebay::UniqueFd out(ends[1]);
  if (::write(out.get(), "x", 1) != 1) return;
  out.reset();
  forebay::Pool pool({.processes = 1, .on_death = forebay::OnDeath::retry, .retries = 2});
  std::printf("Retried: %d\n", pool.apply(crash_once, std::move(in), 7));
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  the_item_fails();
  or_runs_again();
}
