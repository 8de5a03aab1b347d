#pragma once

#include <tbb/task_arena.h>

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "device/backend.h"
#include "device/stage_module.h"

namespace forebay {

/// The embedded backend: every operator runs at once, in the calling thread and the arena's helpers, straight
/// from the chunk into the result. Tickets are complete when they are issued.
class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(unsigned threads);

  [[nodiscard]] BackendInfo info() const override;
  [[nodiscard]] bool finishes_chunks() const noexcept override { return true; }
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
    BatchSpec spec;
    std::unique_ptr<FinishTable> table;
    std::span<std::byte> result;
    std::uint64_t tickets = 0;
  };
  Lane& lane_of(std::uint32_t number);
  /// A range that nobody page-locked would be copied through a bounce buffer by a real device: refused here
  /// too.
  void require_pinned(const std::byte* begin, std::size_t bytes, const char* what) const;

  tbb::task_arena arena_;
  std::map<const std::byte*, std::size_t> pinned_;  // begin -> bytes
  std::array<Lane, lanes_max> lanes_;
  std::vector<DeviceStageHandle> stages_;
};

}  // namespace forebay
