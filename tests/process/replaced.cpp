// A program whose file is replaced while it runs, as an upgrade does. It says how the child that it spawns
// then ends.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "host/process/child.h"
#include "host/process/init.h"

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  std::filesystem::remove(self);
  std::ofstream(self) << "#!/bin/false\n";
  forebay::Child child = forebay::Child::spawn([](forebay::Channel) { return 42; }, {});
  const auto status = child.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(20));
  std::puts(status ? describe(*status).c_str() : "still runs");
  return 0;
}
