#include "host/process/init.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "host/process/bootstrap.h"
#include "host/process/spawn_note.h"
#include "host/process/spawner.h"

namespace forebay {
namespace {

std::atomic<bool> guard_in_place{false};

void put_guard_in_place() {
  static_cast<void>(Spawner::instance());  // early, so that what main constructs is destroyed before it stops
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
