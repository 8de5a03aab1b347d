// The guide's Example 1, "Key attributes and methods": what is_alive() and exit_code() say.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "forebay/host.h"

namespace {

void succeed() {}
int give_a_number() { return 8; }
void fail() { throw std::runtime_error("this text goes to stderr"); }
void wait_for_a_signal() { ::pause(); }

void say(const char* what, forebay::Process& process) {
  std::printf("%s: exit code %d\n", what, *process.exit_code());
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Process succeeds(succeed);
  forebay::Process gives_a_number(give_a_number);
  forebay::Process fails(fail);
  for (forebay::Process process : {succeeds, gives_a_number, fails}) process.start();  // handles: copies are
  for (forebay::Process process : {succeeds, gives_a_number, fails}) process.join();   // the same process
  say("returned", succeeds);
  say("returned 8", gives_a_number);
  say("threw", fails);

  forebay::Process sleeper({.name = "sleeper"}, wait_for_a_signal);
  sleeper.start();
  const bool in_time = sleeper.join(std::chrono::milliseconds(10));
  std::printf("%s: join(10 ms) %s, is_alive %s\n", sleeper.name().c_str(), in_time ? "ended" : "timed out",
              sleeper.is_alive() ? "true" : "false");
  sleeper.terminate();
  sleeper.join();
  say("terminated", sleeper);

  forebay::Process another(wait_for_a_signal);
  another.start();
  another.kill();
  another.join();
  say("killed", another);
}
