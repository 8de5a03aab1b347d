// The guide's Example 5: a pipe between exactly two processes.
#include <cstdio>
#include <utility>
#include <vector>

#include "forebay/host.h"

namespace {

void worker(forebay::Connection conn) {
  std::vector<int> result;
  for (const int x : conn.recv<std::vector<int>>()) result.push_back(x * x * x);
  conn.send(result);
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  auto [parent, child] = forebay::pipe();
  forebay::Process p(worker, std::move(child));
  p.start();
  parent.send(std::vector<int>{1, 2, 3, 4, 5});
  const auto result = parent.recv<std::vector<int>>();
  p.join();
  std::printf("Cubed values:");
  for (const int cube : result) std::printf(" %d", cube);
  std::printf("\n");
  try {
    static_cast<void>(parent.recv<int>());
  } catch (const forebay::ConnectionClosed&) {
    std::printf("The other end has gone: told at once, no hang\n");
  }
}
