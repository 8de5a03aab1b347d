// A program with a __cxa_throw of its own keeps it: no clash when it is linked, and exceptions still cross.
#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#include "host/process/remote_error.h"
#include "host/process/stack_trace.h"

namespace {
int throws_seen = 0;
}

extern "C" [[noreturn]] void __cxa_throw(void* object, void* type, void (*destructor)(void*)) {
  ++throws_seen;
  using Throw = void (*)(void*, void*, void (*)(void*));
  reinterpret_cast<Throw>(::dlsym(RTLD_NEXT, "__cxa_throw"))(object, type, destructor);
  std::abort();
}

int main() {
  const forebay::TraceScope scope;
  try {
    throw std::out_of_range("crosses");
  } catch (...) {
    const auto bytes = forebay::encode_exception(std::current_exception(), 1, 0, "");
    try {
      std::rethrow_exception(forebay::decode_exception(bytes));
    } catch (const std::out_of_range& error) {
      const forebay::RemoteInfo* info = forebay::remote_info(error);
      return throws_seen == 1 && info != nullptr && info->trace.empty() ? 0 : 2;
    }
  }
}
