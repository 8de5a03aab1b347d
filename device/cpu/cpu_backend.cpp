#include "device/cpu/cpu_backend.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <cstring>
#include <utility>

#include "device/fault_backend.h"
#include "device/ops/prepare.h"

namespace forebay {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw BackendError(BackendError::Kind::recoverable, message);
}

void run_item(const FinishOptions& finish, const FinishTable& table, const std::byte* chunk, const ItemOp& op,
              std::byte* row) {
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(chunk + op.pixels);
  if (op.horizontal_taps == 0) return finish_row(finish, table, pixels, row);
  const auto table_at = [&](std::uint32_t offset, std::uint32_t outputs, std::uint32_t taps) {
    return ResampleTable{reinterpret_cast<const std::int32_t*>(chunk + offset), outputs, taps};
  };
  thread_local std::vector<std::uint8_t> prepared;
  prepared.resize(std::size_t{finish.width} * finish.height * rgb_bytes);
  resample({pixels, op.width, op.height, std::size_t{op.width} * rgb_bytes},
           table_at(op.horizontal, finish.width, op.horizontal_taps),
           table_at(op.vertical, finish.height, op.vertical_taps), prepared.data());
  finish_row(finish, table, prepared.data(), row);
}

}  // namespace

CpuBackend::CpuBackend(unsigned threads) : arena_(static_cast<int>(threads)) {}

BackendInfo CpuBackend::info() const { return {Device{}, "cpu", 0}; }

void CpuBackend::pin(std::span<std::byte> range) {
  if (pinned_.contains(range.data())) refuse("this range is page-locked already");
  pinned_[range.data()] = range.size();
}

void CpuBackend::unpin(std::span<std::byte> range) noexcept { pinned_.erase(range.data()); }

void CpuBackend::require_pinned(const std::byte* begin, std::size_t bytes, const char* what) const {
  auto found = pinned_.upper_bound(begin);
  if (found != pinned_.begin()) {
    --found;
    const auto offset = static_cast<std::size_t>(begin - found->first);
    if (offset <= found->second && bytes <= found->second - offset) return;
  }
  refuse(fmt::format("the {} is not page-locked; pin() its range first", what));
}

CpuBackend::Lane& CpuBackend::lane_of(std::uint32_t number) {
  if (number >= lanes_.size())
    refuse(fmt::format("lane {} does not exist, there are {}", number, lanes_.size()));
  return lanes_[number];
}

void CpuBackend::begin_batch(std::uint32_t lane, const BatchSpec& spec, std::span<std::byte> result) {
  Lane& to = lane_of(lane);
  require_pinned(result.data(), spec.rows * finished_row_bytes(spec.finish), "result");
  if (!to.table || std::memcmp(&to.spec.finish, &spec.finish, sizeof(spec.finish)) != 0) {
    to.table = std::make_unique<FinishTable>(spec.finish);
  }
  to.spec = spec;
  to.result = result;
}

Ticket CpuBackend::add_chunk(std::uint32_t lane, std::span<const std::byte> chunk,
                             std::span<const ItemOp> items) {
  Lane& to = lane_of(lane);
  if (!to.table) refuse("no batch was begun on this lane");
  require_pinned(chunk.data(), chunk.size(), "chunk");
  const std::size_t row_bytes = finished_row_bytes(to.spec.finish);
  arena_.execute([&] {
    tbb::parallel_for(std::size_t{0}, items.size(), [&](std::size_t i) {
      run_item(to.spec.finish, *to.table, chunk.data(), items[i],
               to.result.data() + items[i].row * row_bytes);
    });
  });
  return {lane, ++to.tickets};
}

std::uint32_t CpuBackend::load_stage(const std::string& module, const std::string& name) {
  stages_.push_back(DeviceStageHandle::load(module, name, DeviceKind::cpu));
  return static_cast<std::uint32_t>(stages_.size() - 1);
}

Ticket CpuBackend::end_batch(std::uint32_t lane, std::uint32_t rows, std::span<const std::uint32_t> stages) {
  Lane& to = lane_of(lane);
  if (!to.table) refuse("no batch was begun on this lane");
  const FinishOptions& finish = to.spec.finish;
  const bool planar = finish.layout == Layout::nchw;
  const std::array<std::int64_t, 4> shape{rows, planar ? 3 : finish.height,
                                          planar ? finish.height : finish.width, planar ? finish.width : 3};
  const DeviceBatch batch{contiguous_view(to.result.data(), finish.dtype, shape), Device{}};
  for (const std::uint32_t stage : stages) {
    if (stage >= stages_.size()) refuse(fmt::format("stage {} was not loaded", stage));
    if (rows > 0) arena_.execute([&] { stages_[stage].run(batch, StreamView{}); });
  }
  return {lane, ++to.tickets};
}

// Nothing is ever under way here: only the batch is forgotten.
void CpuBackend::abandon(std::uint32_t lane) { lane_of(lane).table.reset(); }

bool CpuBackend::done(Ticket ticket) { return ticket.value <= lane_of(ticket.lane).tickets; }

void CpuBackend::wait(Ticket ticket) {
  if (!done(ticket)) refuse("this ticket was never issued");
}

std::unique_ptr<Backend> make_cpu_backend(unsigned threads) {
  return with_faults(std::make_unique<CpuBackend>(threads));
}

}  // namespace forebay
