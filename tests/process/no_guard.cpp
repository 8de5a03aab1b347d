// A program that forgot forebay::init: it must get an error, not a fork bomb.
#include <cstdio>

#include "host/error.h"
#include "host/process/child.h"

int main() {
  try {
    static_cast<void>(forebay::Child::spawn([](forebay::Channel) { return 0; }, {}));
  } catch (const forebay::Error& error) {
    std::printf("%s: %s\n", forebay::to_string(error.code()).data(), error.what());
    return 0;
  }
  return 1;
}
