// The guide's "Without the lock": a read, an addition and a write are three steps, and another process may
// come between them. Two events make that happen here for certain; in real programs it does now and then.
#include <cstdio>
#include <mutex>

#include "forebay/host.h"

namespace {

using Counter = forebay::Value<int>;

/// Reads, lets the other process add one, and writes what it had read, plus one.
void unlocked(Counter counter, forebay::Event has_read, forebay::Event other_is_done) {
  const int read = counter.load();
  has_read.set();
  other_is_done.wait();
  counter.store(read + 1);
}

/// The same under the value's own lock: the other process waits until it is written.
void locked(Counter counter, forebay::Event has_read) {
  const std::scoped_lock guard(counter.lock());
  const int read = counter.get();
  has_read.set();
  counter.get() = read + 1;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  Counter counter(0);
  forebay::Event has_read;
  forebay::Event other_is_done;
  forebay::Process careless(unlocked, counter, has_read, other_is_done);
  careless.start();
  has_read.wait();
  counter.fetch_add(1);
  other_is_done.set();
  careless.join();
  std::printf("Two increments without the lock: %d\n", counter.load());

  Counter guarded(0);
  forebay::Event begun;
  forebay::Process careful(locked, guarded, begun);
  careful.start();
  begun.wait();
  {
    const std::scoped_lock guard(guarded.lock());
    guarded.get() += 1;
  }
  careful.join();
  std::printf("Two increments under the lock: %d\n", guarded.load());
}
