#pragma once

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "device/backend.h"
#include "device/cuda/device_buffer.h"
#include "device/cuda/event.h"
#include "device/cuda/pinned_ranges.h"
#include "device/cuda/stream.h"
#include "device/stage_module.h"

namespace forebay::cuda {

/// The CUDA implementation of Backend. A lane is a stream with the buffers that its batch needs; everything
/// on it is in order, so a buffer is used again without waiting. Two lanes overlap one batch's download with
/// the next one's work.
class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int ordinal);
  ~CudaBackend() override;
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;

  [[nodiscard]] BackendInfo info() const override;
  void pin(std::span<std::byte> range) override;
  void unpin(std::span<std::byte> range) noexcept override;
  void begin_batch(std::uint32_t lane, const BatchSpec& spec, std::span<std::byte> result) override;
  Ticket add_chunk(std::uint32_t lane, std::span<const std::byte> chunk,
                   std::span<const ItemOp> items) override;
  std::uint32_t load_stage(const std::string& module, const std::string& name) override;
  Ticket end_batch(std::uint32_t lane, std::uint32_t rows, std::span<const std::uint32_t> stages) override;
  void abandon(std::uint32_t lane) override;
  [[nodiscard]] bool done(Ticket ticket) override;
  void wait(Ticket ticket) override;

 private:
  struct Lane {
    Lane();
    void give_back() noexcept;  ///< the device memory that grows with what is built, in stream order
    Stream stream;
    DeviceBuffer chunk;    ///< the slot's payload, as it lay there
    DeviceBuffer between;  ///< after the first pass
    DeviceBuffer batch;    ///< the rows
    DeviceBuffer table;    ///< FinishTable::bits
    PinnedMemory table_source;
    BatchSpec spec;
    bool begun = false;
    std::span<std::byte> result;
    std::uint64_t tickets = 0;    ///< issued
    std::uint64_t completed = 0;  ///< known to be done
    std::deque<std::pair<std::uint64_t, Event>>
        events;                ///< of the tickets in between, in order; bounded by slots
    std::vector<Event> spare;  ///< events to use again
  };

  Lane& lane_of(std::uint32_t number);
  void require_pinned(const std::byte* begin, std::size_t bytes, const char* what) const;
  void upload_table(Lane& lane, const FinishOptions& finish);
  Ticket mark(std::uint32_t number);
  static void settle(Lane& lane);

  int ordinal_;
  PinnedRanges pinned_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<DeviceStageHandle> stages_;
};

}  // namespace forebay::cuda
