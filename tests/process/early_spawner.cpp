// A program with a static initialiser that spawns. It runs in the program and, before init, in its child.
#include <cstdio>
#include <string>

#include "host/error.h"
#include "host/process/child.h"
#include "host/process/init.h"

namespace {

int child_main(forebay::Channel /*channel*/);

std::string spawn_early() {
  try {
    static_cast<void>(forebay::Child::spawn(&child_main, {}));
  } catch (const forebay::Error& error) {
    return std::string(forebay::to_string(error.code())) + ": " + error.what();
  }
  return "spawned";
}

const std::string early = spawn_early();  // NOLINT(cert-err58-cpp): that is what is tested

int child_main(forebay::Channel /*channel*/) {
  std::puts(early.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  std::puts(early.c_str());
  static_cast<void>(std::fflush(stdout));
  forebay::Child child = forebay::Child::spawn(&child_main, {});
  const auto status = child.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(20));
  return status && status->known && status->signal == 0 ? status->exit_code : 1;
}
