// The guide's pitfall "serialization": what cannot go to another process, and what to do instead. Where
// Python raises PicklingError when the program runs, this is refused when it is compiled:
//
//   int factor = 3;
//   pool.map([factor](int n) { return factor * n; }, numbers);    "this callable captures state …"
//   pool.apply([](const int* p) { return *p; }, &factor);         "Pass values, not pointers …"
//   pool.apply([](int& n) { ++n; }, factor);                      "cannot change the caller's variable …"
//   pool.apply([](std::ifstream file) {}, std::ifstream("x"));    "this type cannot be sent …"
//   pool.apply([](std::string s) { return std::string_view(s); }, "x");   "the result is a view …"
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "forebay/host.h"

namespace {

/// Instead of captures: a struct whose members can be sent.
struct Scale {
  int factor;
  int operator()(int n) const { return factor * n; }
};

/// A class tells how it is sent by cereal's serialize(), and may refuse when the program runs.
class Account {
 public:
  Account() = default;
  explicit Account(std::string owner) : owner_(std::move(owner)) {}
  [[nodiscard]] const std::string& owner() const { return owner_; }

  template <typename Archive>
  void serialize(Archive& archive) {
    if (owner_ == "nobody") throw std::logic_error("an account without an owner stays here");
    archive(owner_);
  }

 private:
  std::string owner_;
};

std::size_t length_of_owner(const Account& account) { return account.owner().size(); }
Account open_account(const std::string& owner) { return Account(owner); }

/// Instead of a file handle: its descriptor, which is open in the other process too.
int write_to(const forebay::UniqueFd& out) { return ::write(out.get(), "hello", 5) == 5 ? 5 : -1; }

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Pool pool(1);
  const std::vector<int> tripled = pool.map(Scale{3}, std::vector<int>{1, 2, 3});
  std::printf("A struct with state: %d %d %d\n", tripled[0], tripled[1], tripled[2]);
  std::printf("A class with serialize(): %zu\n", pool.apply(length_of_owner, Account("Ada")));

  int ends[2];
  if (::pipe(ends) != 0) return 1;
  const forebay::UniqueFd in(ends[0]);
  const int written = pool.apply(write_to, forebay::UniqueFd(ends[1]));
  char text[6] = {};
  std::printf("A descriptor: %d bytes, ", written);
  std::printf("%s\n", ::read(in.get(), text, 5) == 5 ? text : "nothing");

  try {
    pool.apply(length_of_owner, Account("nobody"));
  } catch (const std::logic_error& error) {
    std::printf("Argument refused: %s\n", error.what());
  }
  try {
    pool.apply(open_account, "nobody");
  } catch (const std::logic_error& error) {
    std::printf("Result refused: %s\n", error.what());
  }
  std::printf("The pool goes on: %zu\n", pool.apply(length_of_owner, Account("Grace")));
}
