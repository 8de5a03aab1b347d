// Loaded at run time: what it throws is traced too, also from a function that it does not export.
#include <stdexcept>

namespace {

[[gnu::noinline]] int hidden_in_a_library(int depth) {
  if (depth == 0) throw std::out_of_range("from a library");
  return hidden_in_a_library(depth - 1) + depth;
}

}  // namespace

// The sum keeps the call from being the function's last act, which a compiler turns into a jump.
extern "C" int throw_from_library() { return hidden_in_a_library(2) + 1; }
