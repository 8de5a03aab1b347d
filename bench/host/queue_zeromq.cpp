// As queue_throughput, through ZeroMQ's ipc transport: PUSH to PULL. Built only where libzmq is. Prints one
// line of JSON.
#include <unistd.h>
#include <zmq.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "bench/host/throughput.h"
#include "host/process/init.h"
#include "host/process/process.h"

namespace {

using Memory = forebay::SharedRange<std::uint32_t>;
/// Frees also what stays open where an exception comes.
using Context = std::unique_ptr<void, decltype(&::zmq_ctx_term)>;
using Socket = std::unique_ptr<void, decltype(&::zmq_close)>;

void must(bool done) {
  if (!done) throw std::runtime_error(::zmq_strerror(::zmq_errno()));
}

/// As many messages may lie at a side as in the others' queues.
Socket open_socket(const Context& context, int type, std::uint32_t slots) {
  Socket socket(::zmq_socket(context.get(), type), &::zmq_close);
  must(socket != nullptr);
  const auto most = static_cast<int>(slots);
  must(::zmq_setsockopt(socket.get(), ZMQ_SNDHWM, &most, sizeof(most)) == 0);
  must(::zmq_setsockopt(socket.get(), ZMQ_RCVHWM, &most, sizeof(most)) == 0);
  const int linger_ms = 0;
  must(::zmq_setsockopt(socket.get(), ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) == 0);
  return socket;
}

void get_all(const std::string& address, const Memory& memory, std::uint32_t slots, std::uint32_t bytes,
             std::uint32_t count) {
  const Context context(::zmq_ctx_new(), &::zmq_ctx_term);
  const Socket socket = open_socket(context, ZMQ_PULL, slots);
  must(::zmq_connect(socket.get(), address.c_str()) == 0);
  std::vector<std::byte> message(bytes);
  get_rounds(memory, count, [&] {
    must(::zmq_recv(socket.get(), message.data(), message.size(), 0) == static_cast<int>(bytes));
  });
}

double seconds_of_zeromq(std::uint32_t slots, std::uint32_t bytes, std::uint32_t count) {
  const std::string path = "/tmp/forebay-bench-" + std::to_string(::getpid());
  const std::string address = "ipc://" + path;
  const Context context(::zmq_ctx_new(), &::zmq_ctx_term);
  const Socket socket = open_socket(context, ZMQ_PUSH, slots);
  must(::zmq_bind(socket.get(), address.c_str()) == 0);
  const Memory memory(1);
  forebay::Process consumer(get_all, address, memory, slots, bytes, count);
  consumer.start();
  const std::vector<std::byte> message(bytes, std::byte{1});
  const double seconds = put_rounds(memory, count, [&](std::uint32_t) {
    must(::zmq_send(socket.get(), message.data(), message.size(), 0) == static_cast<int>(bytes));
  });
  consumer.join();
  return seconds;
}

void run(std::uint32_t small_count, std::uint32_t large_count) {
  Figures figures;
  figures.add("zeromq_64_ns", seconds_of_zeromq(small_slots, small_bytes, small_count) * 1e9);
  figures.add("zeromq_1m_us", seconds_of_zeromq(large_slots, large_bytes, large_count) * 1e6);
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 2, "queue_zeromq MESSAGES_OF_64_B MESSAGES_OF_1_MIB");
    run(counts[0], counts[1]);
  } catch (const std::exception& error) {
    std::cerr << "queue_zeromq: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
