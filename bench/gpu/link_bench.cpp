// What the link to the GPU carries, by the kind of host memory: Forebay's sealed memfd that is page-locked
// where it lies, the driver's own page-locked memory, and plain memory. Prints JSON, one line a measurement.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <span>
#include <vector>

#include "device/cuda/cuda_check.h"
#include "device/cuda/device_buffer.h"
#include "device/cuda/event.h"
#include "device/cuda/pinned_ranges.h"
#include "device/cuda/stream.h"
#include "host/memory/sealed_memory.h"

namespace {

using forebay::cuda::check;
using Clock = std::chrono::steady_clock;

constexpr std::size_t arena_bytes = std::size_t{256} << 20U;
constexpr std::size_t carried_bytes = std::size_t{2} << 30U;  // of one measurement

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Copies back and forth in chunks, several times over the arena.
void measure(const char* memory, std::span<std::byte> arena, std::size_t chunk_bytes) {
  forebay::cuda::Stream stream;
  forebay::cuda::DeviceBuffer buffer(stream.ref());
  forebay::cuda::Event event;
  buffer.reserve(chunk_bytes);
  for (const bool up : {true, false}) {
    double best = 0;
    for (int repetition = 0; repetition < 5; ++repetition) {
      const auto begin = Clock::now();
      for (std::size_t done = 0; done < carried_bytes; done += chunk_bytes) {
        const std::span<std::byte> chunk = arena.subspan(done % arena.size(), chunk_bytes);
        if (up) {
          buffer.upload(chunk);
        } else {
          buffer.download(chunk);
        }
      }
      event.record(stream.ref());
      event.wait();
      best = std::max(best, static_cast<double>(carried_bytes) / seconds_since(begin));
    }
    std::printf("{\"memory\": \"%s\", \"direction\": \"%s\", \"chunk_bytes\": %zu, \"gb_per_s\": %.3f}\n",
                memory, up ? "upload" : "download", chunk_bytes, best / 1e9);
  }
}

void measure_all(const char* memory, std::span<std::byte> arena) {
  for (const std::size_t chunk_bytes :
       {std::size_t{256} << 10U, std::size_t{2} << 20U, std::size_t{16} << 20U}) {
    measure(memory, arena, chunk_bytes);
  }
}

void report_time(const char* what, std::size_t bytes, Clock::time_point begin) {
  std::printf("{\"what\": \"%s\", \"bytes\": %zu, \"ms\": %.3f}\n", what, bytes, seconds_since(begin) * 1e3);
}

void run() {
  auto begin = Clock::now();
  check(cudaFree(nullptr), "cannot start the driver");
  report_time("driver and context", 0, begin);

  begin = Clock::now();
  const forebay::SealedMemory strip = forebay::SealedMemory::create("bench", arena_bytes);
  report_time("sealed memfd, populated", arena_bytes, begin);
  {
    forebay::cuda::PinnedRanges first_owner;
    begin = Clock::now();
    first_owner.add(strip.bytes());
    report_time("page-lock the memfd", arena_bytes, begin);
    measure_all("sealed memfd, page-locked", strip.bytes());
  }
  {
    forebay::cuda::PinnedRanges second_owner;
    begin = Clock::now();
    second_owner.add(strip.bytes());
    report_time("page-lock it again, as a second owner does", arena_bytes, begin);
  }
  begin = Clock::now();
  const forebay::cuda::PinnedMemory pinned(arena_bytes);
  report_time("cudaMallocHost", arena_bytes, begin);
  std::memset(pinned.bytes().data(), 1, arena_bytes);
  measure_all("cudaMallocHost", pinned.bytes());
  std::vector<std::byte> plain(arena_bytes, std::byte{1});
  measure_all("pageable", plain);
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << "gpu_link: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
