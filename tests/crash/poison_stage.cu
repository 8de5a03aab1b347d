// A device stage as a test weapon: it does what $FOREBAY_TEST_POISON says (throw, segv, exit, kill) where it
// meets a row whose first pixel is marked. On a device the kernel traps: the context is lost. What it is to
// do may also be "invert": then it does that to every byte, on the cpu.
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "device/device_stage.h"
#include "device/ops/portable.h"
#include "device/thrust_policy.h"

namespace {

constexpr std::uint8_t mark = 251;  // tests/crash/solid_pictures.h

struct Look {
  const std::uint8_t* bytes;
  std::int64_t row_bytes;
  FOREBAY_HD bool marked(std::int64_t row) const { return bytes[row * row_bytes + 1] == mark; }
#ifdef __CUDACC__
  __device__ void operator()(std::int64_t row) const {
    if (marked(row)) __trap();
  }
#endif
};

[[maybe_unused]] std::string_view weapon() {
  const char* name = std::getenv("FOREBAY_TEST_POISON");
  return name == nullptr ? "" : name;
}

[[maybe_unused]] void strike() {
  const std::string_view how = weapon();
  if (how == "throw") throw std::runtime_error("this pixel hurts");
  if (how == "exit") ::_exit(3);
  if (how == "kill") ::kill(::getpid(), SIGKILL);
  if (how == "segv") {
    std::signal(SIGSEGV, SIG_DFL);
    std::raise(SIGSEGV);
  }
}

}  // namespace

struct Poison {
  void operator()(const forebay::DeviceBatch& batch, [[maybe_unused]] forebay::StreamView stream) const {
    const std::int64_t rows = batch.rows.shape[0];
    const Look look{static_cast<const std::uint8_t*>(batch.rows.data),
                    static_cast<std::int64_t>(batch.rows.bytes()) / rows};
#ifdef __CUDACC__
    thrust::for_each_n(forebay::thrust_policy(stream), thrust::counting_iterator<std::int64_t>(0), rows,
                       look);
#else
    for (std::int64_t row = 0; row < rows; ++row) {
      if (look.marked(row)) strike();
    }
    if (weapon() != "invert") return;
    auto* bytes = static_cast<std::uint8_t*>(batch.rows.data);
    for (std::size_t i = 0; i < batch.rows.bytes(); ++i) bytes[i] = static_cast<std::uint8_t>(255 - bytes[i]);
#endif
  }
};

FOREBAY_DEVICE_STAGE(Poison);
