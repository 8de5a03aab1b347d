#include "host/process/init.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "host/process/bootstrap.h"
#include "host/process/forkserver.h"
#include "host/process/guardian.h"
#include "host/process/process_registry.h"
#include "host/process/spawn_note.h"
#include "host/process/spawner.h"

namespace forebay {
namespace {

std::atomic<bool> guard_in_place{false};

void put_guard_in_place() {
  // Early, so that what main constructs is destroyed before; in this order, so that the processes are joined
  // before the thread that they live with stops.
  static_cast<void>(Spawner::instance());
  static_cast<void>(detail::Guardian::instance());
  static_cast<void>(detail::Forkserver::instance());
  static_cast<void>(detail::ProcessRegistry::instance());
  guard_in_place = true;
}

}  // namespace

void init(int argc, char** argv) {
  if (const char* set = std::getenv(spawn_variable); set != nullptr) {
    const std::string variable = set;
    ::unsetenv(spawn_variable);  // at once: nothing that this process starts may take itself for a child of
                                 // its parent
    run_as_child(variable.c_str(), argc > 0 ? argv[0] : "forebay: child", &put_guard_in_place);
  }
  put_guard_in_place();
}

bool initialised() noexcept { return guard_in_place; }

}  // namespace forebay
