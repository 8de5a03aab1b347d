// The peers of queue_throughput: Boost.Interprocess message_queue with as many slots, and a plain pipe and a
// Unix socket, one write and one read a message. Prints one line of JSON.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "bench/host/place.h"
#include "bench/host/throughput.h"
#include "host/memory/unique_fd.h"
#include "host/process/init.h"
#include "host/process/process.h"

namespace {

namespace ipc = boost::interprocess;
using Memory = forebay::SharedRange<std::uint32_t>;

/// A message queue's name goes with the program, also where that fails.
class QueueName {
 public:
  QueueName() : name_("forebay-bench-" + std::to_string(::getpid())) {}
  QueueName(const QueueName&) = delete;
  QueueName& operator=(const QueueName&) = delete;
  ~QueueName() { ipc::message_queue::remove(name_.c_str()); }
  [[nodiscard]] const std::string& text() const noexcept { return name_; }

 private:
  std::string name_;
};

void get_from_boost(const std::string& name, const Memory& memory, std::uint32_t bytes, std::uint32_t count) {
  const OnCore core(1);
  ipc::message_queue queue(ipc::open_only, name.c_str());
  std::vector<std::byte> message(bytes);
  get_rounds(memory, count, [&] {
    ipc::message_queue::size_type received = 0;
    unsigned priority = 0;
    queue.receive(message.data(), message.size(), received, priority);
  });
}

double seconds_of_boost(std::uint32_t slots, std::uint32_t bytes, std::uint32_t count) {
  const QueueName name;
  ipc::message_queue queue(ipc::create_only, name.text().c_str(), slots, bytes);
  const Memory memory(1);
  forebay::Process consumer(get_from_boost, name.text(), memory, bytes, count);
  consumer.start();
  const OnCore core(0);
  const std::vector<std::byte> message(bytes, std::byte{1});
  const double seconds =
      put_rounds(memory, count, [&](std::uint32_t) { queue.send(message.data(), message.size(), 0); });
  consumer.join();
  return seconds;
}

using Ends = std::pair<forebay::UniqueFd, forebay::UniqueFd>;

Ends unix_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("no sockets");
  }
  return {forebay::UniqueFd(ends[0]), forebay::UniqueFd(ends[1])};
}

Ends plain_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {forebay::UniqueFd(ends[0]), forebay::UniqueFd(ends[1])};
}

void get_from_descriptor(const forebay::UniqueFd& from, const Memory& memory, std::uint32_t count) {
  const OnCore core(1);
  std::array<std::byte, small_bytes> message{};
  get_rounds(memory, count, [&] {
    // Both hold whole messages of this size, so that a read gives one.
    if (::read(from.get(), message.data(), message.size()) != ssize_t{small_bytes}) {
      throw std::runtime_error("the other end is closed");
    }
  });
}

double seconds_of_descriptors(Ends ends, std::uint32_t count) {
  const Memory memory(1);
  forebay::Process consumer(get_from_descriptor, std::move(ends.first), memory, count);
  consumer.start();
  const OnCore core(0);
  const std::array<std::byte, small_bytes> message{};
  const double seconds = put_rounds(memory, count, [&](std::uint32_t) {
    if (::write(ends.second.get(), message.data(), message.size()) != ssize_t{small_bytes}) {
      throw std::runtime_error("the other end is closed");
    }
  });
  consumer.join();
  return seconds;
}

void run(std::uint32_t small_count, std::uint32_t large_count) {
  Figures figures;
  figures.add("boost_64_ns", seconds_of_boost(small_slots, small_bytes, small_count) * 1e9);
  figures.add("boost_1m_us", seconds_of_boost(large_slots, large_bytes, large_count) * 1e6);
  figures.add("pipe_64_ns", seconds_of_descriptors(plain_pipe(), small_count) * 1e9);
  figures.add("unix_64_ns", seconds_of_descriptors(unix_pair(), small_count) * 1e9);
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 2, "queue_peers MESSAGES_OF_64_B MESSAGES_OF_1_MIB");
    run(counts[0], counts[1]);
  } catch (const std::exception& error) {
    std::cerr << "queue_peers: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
