// The guide's "Avoiding Global State": a child has globals of its own, as the program's start makes them.
#include <cstdio>
#include <string>

#include "forebay/host.h"

namespace {

int level = 1;  // static initialisers run in a child too; what main() assigned later does not reach it

int level_in_child() { return level; }
void change_level() { level = 99; }

struct Settings {
  int level = 0;
  std::string name;
};
std::string describe(const Settings& settings) {
  return settings.name + " at level " + std::to_string(settings.level);
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  level = 5;
  forebay::Pool pool(1);
  std::printf("Parent sets the global to %d: the child sees %d\n", level, pool.apply(level_in_child));
  pool.apply(change_level);
  std::printf("Child sets its global to 99: the parent sees %d\n", level);
  std::printf("Another worker sees %d\n", forebay::Pool(1).apply(level_in_child));
  std::printf("Passed as an argument: %s\n", pool.apply(describe, Settings{level, "parser"}).c_str());
}
