// A program that listens and connects, which needs libcrypto.
#include <forebay/host.h>

#include <cstdio>
#include <string>

namespace {

void greet(std::string address) {
  forebay::Connection connection = forebay::connect(address, {.authkey = forebay::AuthKey("sesame")});
  connection.send(std::string("a stranger"));
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Listener listener({}, {.authkey = forebay::AuthKey("sesame")});
  forebay::Process process(greet, listener.address());
  process.start();
  std::printf("met %s\n", listener.accept().recv<std::string>().c_str());
  process.join();
}
