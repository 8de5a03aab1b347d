#include "pipeline/cli/cuda_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "device/cuda_module.h"
#include "host/channel/channel.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/child.h"
#include "pipeline/cli/report.h"

namespace forebay::cli {
namespace {

constexpr std::size_t devices_max = 16;  // of one machine; fits a message

/// The child's answer: plain data.
struct ProbeAnswer {
  struct Device {
    std::array<char, 128> name{};
    std::uint64_t memory_bytes = 0;
  };
  std::uint32_t count = 0;
  std::array<char, 512> error{};
  std::array<Device, devices_max> devices{};
};

template <std::size_t N>
void copy_text(std::string_view text, std::array<char, N>& out) {
  text.copy(out.data(), N - 1);
}

/// Zero-terminated or not: the bytes came from another process.
template <std::size_t N>
std::string text_of(const std::array<char, N>& text) {
  return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

/// The child: the only process here that loads the driver.
int probe_main(Channel channel) {
  ProbeAnswer answer;
  try {
    for (const CudaDevice& device : cuda_probe()) {
      if (answer.count == devices_max) break;
      ProbeAnswer::Device& entry = answer.devices[answer.count++];
      copy_text(device.name, entry.name);
      entry.memory_bytes = device.memory_bytes;
    }
  } catch (const Error& error) {
    copy_text(error.what(), answer.error);
  }
  return channel.try_send(answer) == SendResult::sent ? 0 : 1;
}

CudaDevices devices_of(const ProbeAnswer& answer) {
  CudaDevices devices;
  devices.error = text_of(answer.error);
  const std::size_t count = std::min<std::size_t>(answer.count, devices_max);
  for (const ProbeAnswer::Device& device : std::span(answer.devices).first(count)) {
    devices.names.push_back(fmt::format("{} ({})", text_of(device.name), bytes_text(device.memory_bytes)));
  }
  if (devices.names.empty() && devices.error.empty()) devices.error = "the driver names no device";
  return devices;
}

}  // namespace

CudaDevices ask_for_cuda_devices() {
  const auto deadline = std::chrono::steady_clock::now() + limits::owner_start;
  Child child = Child::spawn(probe_main, {"forebay: doctor", "forebay-doctor"});
  Received received;
  if (child.channel().receive_until(received, deadline) == ReceiveResult::received) {
    if (const auto answer = received.as<ProbeAnswer>()) return devices_of(*answer);
  }
  const auto status =
      child.wait_until(std::min(deadline, std::chrono::steady_clock::now() + limits::child_stop));
  return {{},
          status ? fmt::format("the process that asked the driver ended: {}", describe(*status))
                 : "the driver does not answer"};
}

}  // namespace forebay::cli
