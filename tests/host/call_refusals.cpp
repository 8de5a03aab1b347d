// Compiled once for each of its cases, by tests that expect the compiler to refuse it and to say why; and
// once without any, which compiles.
#include <string>
#include <string_view>
#include <vector>

#include "host/process/call.h"

namespace {

class Opaque {
 public:
  explicit Opaque(int number) : number_(number) {}
  virtual ~Opaque() = default;

 private:
  int number_;
};

[[maybe_unused]] int plain(int x) { return x; }

}  // namespace

forebay::Call call() {
#if defined(POINTER)
  int value = 1;
  return forebay::make_call([](int* x) { return *x; }, &value);
#elif defined(CLASS_IN_VECTOR)
  return forebay::make_call([](const std::vector<Opaque>& all) { return all.size(); }, std::vector<Opaque>{});
#elif defined(CAPTURE)
  int added = 1;
  return forebay::make_call([&added](int x) { return x + added; }, 1);
#elif defined(REFERENCE_PARAMETER)
  int value = 1;
  return forebay::make_call([](int& x) { ++x; }, value);
#elif defined(VIEW_RESULT)
  return forebay::make_call([](const std::string& text) { return std::string_view(text); }, "text");
#elif defined(POINTER_RESULT)
  return forebay::make_call([](int x) { return new int(x); }, 1);
#elif defined(TOO_MANY)
  return forebay::make_call(plain, 1, 2);
#elif defined(TOO_FEW)
  return forebay::make_call(plain);
#elif defined(WRONG_TYPE)
  return forebay::make_call(plain, std::string("one"));
#elif defined(WRONG_GENERIC)
  return forebay::make_call([](auto a, auto b) { return a + b; }, 1);
#else
  return forebay::make_call(plain, 1);
#endif
}
