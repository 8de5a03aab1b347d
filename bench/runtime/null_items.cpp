// What the runtime itself costs: items of 1 KiB whose stage does nothing but claim them. Prints one line of
// JSON.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>

#include "forebay/forebay.h"

namespace {

constexpr std::int64_t item_bytes = 1024;

void run(std::uint64_t count, std::uint32_t batch, std::uint32_t workers) {
  const auto begin = std::chrono::steady_clock::now();
  auto pipeline = forebay::PipelineBuilder::range(count)
                      .batch(batch)
                      .workers(workers)
                      .device(forebay::DeviceChoice::cpu)
                      .host_stage([](forebay::Item& item) { item.emplace(forebay::DType::u8, {item_bytes}); })
                      .start();
  std::uint64_t items = 0;
  for (const forebay::Batch& taken : pipeline) items += taken.rows();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("{\"items\": %llu, \"seconds\": %.6f, \"items_per_s\": %.1f}\n",
              static_cast<unsigned long long>(items), seconds, static_cast<double>(items) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    if (argc != 4) throw std::runtime_error("usage: null_items COUNT BATCH WORKERS");
    run(std::stoull(argv[1]), static_cast<std::uint32_t>(std::stoul(argv[2])),
        static_cast<std::uint32_t>(std::stoul(argv[3])));
  } catch (const std::exception& error) {
    std::cerr << "null_items: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
