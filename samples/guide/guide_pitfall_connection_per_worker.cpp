// A connection cannot be sent to a worker, and one per task is slow: the initializer opens one per worker.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <ranges>
#include <string>
#include <utility>

#include "forebay/host.h"

namespace {

/// Stands for a client of a database.
class Connection {
 public:
  explicit Connection(std::string address) : address_(std::move(address)) { ++opened; }
  [[nodiscard]] std::string query(int number) const {
    return address_ + " answers query " + std::to_string(number);
  }
  static inline int opened = 0;  // in this process

 private:
  std::string address_;
};

std::unique_ptr<Connection> connection;  // each process has one of its own, empty until connect() ran

void connect(const std::string& address) { connection = std::make_unique<Connection>(address); }
std::pair<std::string, int> ask(int number) { return {connection->query(number), Connection::opened}; }

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Pool pool({.processes = 2, .initializer = forebay::make_call(connect, "db.example:5432")});
  int opened_max = 0;
  for (const auto& [answer, opened] : pool.map(ask, std::views::iota(1, 5))) {
    std::printf("%s\n", answer.c_str());
    if (opened > opened_max) opened_max = opened;
  }
  std::printf("Connections that a worker opened: %d, the parent: %d\n", opened_max, Connection::opened);
}
