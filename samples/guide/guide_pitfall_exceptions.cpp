// The guide's "Exception Handling in Worker Processes": an exception arrives as the type that it was, with
// the worker's message; map() throws it, and so does get() of an AsyncResult.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "forebay/host.h"

namespace {

int risky_function(int x) {
  if (x == 3) throw std::invalid_argument("Cannot process value " + std::to_string(x));
  return x * 10;
}

struct OwnError {
  int code;
};
void throw_own_type() { throw OwnError{7}; }

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Pool pool(2);
  try {
    pool.map(risky_function, std::vector<int>{1, 2, 3, 4});
  } catch (const std::invalid_argument& error) {
    std::printf("Caught worker exception: %s\n", error.what());
    const forebay::RemoteInfo* origin = forebay::remote_info(error);
    std::printf("It is known where it came from: %s, %s\n", origin->type.c_str(),
                origin->trace.empty() ? "no trace" : "with its stack trace");
  }

  const auto result = pool.apply_async(risky_function, 3);  // an exception that nobody asks for is silent
  result.wait();
  std::printf("apply_async: successful is %s\n", result.successful() ? "true" : "false");
  try {
    result.get();
  } catch (const std::exception& error) {
    std::printf("get() throws it: %s\n", error.what());
  }

  auto results = pool.imap(risky_function, std::vector<int>{2, 3, 4});
  std::printf("imap: %d", *results.next());
  try {
    results.next();
  } catch (const std::exception&) {
    std::printf(", an exception in its place");
  }
  std::printf(", and on: %d\n", *results.next());

  try {
    pool.apply(throw_own_type);
  } catch (const forebay::RemoteError& error) {
    std::printf("A type that is not standard: RemoteError of %s\n", error.type.c_str());
  }
}
