// What a message through a Queue costs, from one producer to one consumer: a plain value of 64 bytes, 1 MiB
// that is copied in and out, and 64 bytes and 4 MiB in place, of which only the first word is touched. The
// last two take turns, since they are compared. Prints one line of JSON.
#include <cstring>
#include <iostream>
#include <vector>

#include "bench/host/place.h"
#include "bench/host/throughput.h"
#include "host/channel/queue.h"
#include "host/process/init.h"
#include "host/process/process.h"

namespace {

using forebay::ByteQueue;
using Memory = forebay::SharedRange<std::uint32_t>;

struct Message {
  std::uint64_t number = 0;
  std::uint64_t more[7] = {};
};
static_assert(sizeof(Message) == small_bytes);

constexpr std::uint32_t loan_slots = 64;
constexpr std::uint32_t loan_bytes = std::uint32_t{4} << 20U;

void get_values(forebay::Queue<Message> queue, const Memory& memory, std::uint32_t count) {
  learn_cores();
  const OnCore core(1);
  get_rounds(memory, count, [&] { static_cast<void>(queue.get()); });
}

double seconds_of_values(std::uint32_t count) {
  forebay::Queue<Message> queue({.max_size = small_slots, .message_bytes_max = small_bytes});
  const Memory memory(1);
  forebay::Process consumer(get_values, queue, memory, count);
  consumer.start();
  const OnCore core(0);
  const double seconds = put_rounds(memory, count, [&](std::uint32_t i) { queue.put({.number = i}); });
  consumer.join();
  return seconds;
}

void get_bytes(ByteQueue queue, const Memory& memory, std::uint32_t count) {
  learn_cores();
  const OnCore core(1);
  std::vector<std::byte> message(large_bytes);
  get_rounds(memory, count, [&] {
    const ByteQueue::View view = queue.take();
    std::memcpy(message.data(), view.bytes().data(), message.size());
  });
}

double seconds_of_bytes(std::uint32_t count) {
  ByteQueue queue({.max_size = large_slots, .message_bytes_max = large_bytes});
  const Memory memory(1);
  forebay::Process consumer(get_bytes, queue, memory, count);
  consumer.start();
  const OnCore core(0);
  const std::vector<std::byte> message(large_bytes, std::byte{1});
  const double seconds = put_rounds(memory, count, [&](std::uint32_t) { queue.put_bytes(message); });
  consumer.join();
  return seconds;
}

void look_at(ByteQueue& queue, std::uint32_t bytes) {
  const ByteQueue::View view = queue.take();
  std::uint64_t head = 0;
  std::memcpy(&head, view.bytes().data(), sizeof(head));
  if (head == 0 || view.bytes().size() != bytes) throw std::runtime_error("another message came");
}

void write_in_place(ByteQueue& queue, std::uint32_t bytes, std::uint64_t head) {
  ByteQueue::Loan room = queue.loan(bytes);
  std::memcpy(room.bytes().data(), &head, sizeof(head));
  room.commit();
}

void get_in_place(ByteQueue small, ByteQueue large, const Memory& memory, std::uint32_t count) {
  learn_cores();
  const OnCore core(1);
  for (std::uint32_t round = 0; round <= message_rounds; ++round) {
    get_round(word_of(memory), 2 * round, count, [&] { look_at(small, small_bytes); });
    get_round(word_of(memory), 2 * round + 1, count, [&] { look_at(large, loan_bytes); });
  }
}

void add_loans(Figures& figures, std::uint32_t count) {
  ByteQueue small({.max_size = loan_slots, .message_bytes_max = small_bytes});
  ByteQueue large({.max_size = loan_slots, .message_bytes_max = loan_bytes});
  const Memory memory(1);
  Word& word = word_of(memory);
  forebay::Process consumer(get_in_place, small, large, memory, count);
  consumer.start();
  const OnCore core(0);
  std::vector<double> of_small;
  std::vector<double> of_large;
  for (std::uint32_t round = 0; round <= message_rounds; ++round) {
    const auto put_small = [&](std::uint32_t i) { write_in_place(small, small_bytes, i + 1); };
    const auto put_large = [&](std::uint32_t i) { write_in_place(large, loan_bytes, i + 1); };
    const double small_s = put_round(word, 2 * round, count, put_small);
    const double large_s = put_round(word, 2 * round + 1, count, put_large);
    if (round == 0) continue;
    of_small.push_back(small_s);
    of_large.push_back(large_s);
  }
  consumer.join();
  figures.add("loan_64_ns", quantile(of_small, 0.5) * 1e9);
  figures.add("loan_4m_ns", quantile(of_large, 0.5) * 1e9);
}

void run(std::uint32_t small_count, std::uint32_t large_count) {
  learn_cores();
  Figures figures;
  figures.add("queue_64_ns", seconds_of_values(small_count) * 1e9);
  figures.add("queue_1m_us", seconds_of_bytes(large_count) * 1e6);
  add_loans(figures, small_count);
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 2, "queue_throughput MESSAGES_OF_64_B MESSAGES_OF_1_MIB");
    run(counts[0], counts[1]);
  } catch (const std::exception& error) {
    std::cerr << "queue_throughput: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
