#include "device/cuda/cuda_backend.h"

#include <cstring>
#include <string>

#include "device/ops/chunk_functor.h"

namespace forebay::cuda {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw BackendError(BackendError::Kind::recoverable, message);
}

constexpr unsigned threads_per_block = 256;

/// What thrust::for_each_n over a counting iterator does, with one difference: the functor stays in the
/// constant bank of the kernel's parameters. Thrust's kernel copies its functor, and these are kilobytes:
/// ptxas then gives every thread a stack frame of 5,280 bytes in local memory (measured; 0 here).
template <typename Functor>
__global__ void __launch_bounds__(threads_per_block)
    run_index(const __grid_constant__ Functor functor, const std::uint64_t count) {
  const std::uint64_t index = std::uint64_t{blockIdx.x} * threads_per_block + threadIdx.x;
  if (index < count) functor(index);
}

/// Enqueues `functor` for every index below `count`. Does not synchronise, allocates nothing.
template <typename Functor>
void for_each_index(StreamRef stream, std::uint64_t count, const Functor& functor) {
  if (count == 0) return;
  const std::uint64_t blocks = (count + threads_per_block - 1) / threads_per_block;
  if (blocks > 0x7FFFFFFFU) refuse("a chunk has more pixels than one launch can index; lower --slot-mb");
  run_index<<<static_cast<unsigned>(blocks), threads_per_block, 0, stream.get()>>>(functor, count);
  check(cudaPeekAtLastError(), "cannot launch an operator");
}

}  // namespace

CudaBackend::Lane::Lane()
    : chunk(stream.ref()),
      between(stream.ref()),
      batch(stream.ref()),
      table(stream.ref()),
      table_source(sizeof(FinishTable::bits)) {}

void CudaBackend::Lane::give_back() noexcept {
  chunk.release();
  between.release();
  batch.release();
}

CudaBackend::CudaBackend(int ordinal) : ordinal_(ordinal) {
  check(cudaSetDevice(ordinal), "cannot use the device");
  for (std::uint32_t i = 0; i < lanes_max; ++i) lanes_.push_back(std::make_unique<Lane>());
}

CudaBackend::~CudaBackend() {
  // What is still enqueued reads page-locked slots: it must be over before they are released.
  for (const auto& lane : lanes_) {
    for (const auto& [ticket, event] : lane->events) {
      try {
        event.wait();
      } catch (const BackendError&) {
        break;  // the context is lost, and with it everything that was enqueued
      }
    }
  }
}

BackendInfo CudaBackend::info() const {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, ordinal_), "cannot describe the device");
  return {Device{DeviceKind::cuda, ordinal_}, properties.name, properties.totalGlobalMem};
}

void CudaBackend::pin(std::span<std::byte> range) { pinned_.add(range); }
void CudaBackend::unpin(std::span<std::byte> range) noexcept { pinned_.remove(range); }

CudaBackend::Lane& CudaBackend::lane_of(std::uint32_t number) {
  if (number >= lanes_.size()) refuse("lane " + std::to_string(number) + " does not exist");
  return *lanes_[number];
}

void CudaBackend::require_pinned(const std::byte* begin, std::size_t bytes, const char* what) const {
  if (!pinned_.covers(begin, bytes))
    refuse(std::string("the ") + what + " is not page-locked; pin() its range first");
}

void CudaBackend::upload_table(Lane& lane, const FinishOptions& finish) {
  const FinishTable table(finish);
  std::memcpy(lane.table_source.bytes().data(), table.bits.data(), sizeof(table.bits));
  lane.table.upload(lane.table_source.bytes());
}

void CudaBackend::begin_batch(std::uint32_t number, const BatchSpec& spec, std::span<std::byte> result) {
  Lane& lane = lane_of(number);
  const std::size_t bytes = spec.rows * finished_row_bytes(spec.finish);
  require_pinned(result.data(), bytes, "result");
  if (!lane.begun || std::memcmp(&lane.spec.finish, &spec.finish, sizeof(spec.finish)) != 0) {
    upload_table(lane, spec.finish);
  }
  if (lane.begun && spec.rows < lane.spec.rows) lane.give_back();  // memory is short
  lane.batch.reserve(bytes);
  lane.spec = spec;
  lane.result = result;
  lane.begun = true;
}

Ticket CudaBackend::add_chunk(std::uint32_t number, std::span<const std::byte> chunk,
                              std::span<const ItemOp> items) {
  Lane& lane = lane_of(number);
  if (!lane.begun) refuse("no batch was begun on this lane");
  require_pinned(chunk.data(), chunk.size(), "chunk");
  const FinishOptions& finish = lane.spec.finish;
  const ChunkWork work(items, finish.width, finish.height);
  lane.chunk.upload(chunk);
  // The slot may be written again as soon as the upload is over; the operators read the device's copy.
  const Ticket ticket = mark(number);
  lane.between.reserve(work.between_pixels() * 3);
  for_each_index(lane.stream.ref(), work.between_pixels(),
                 HorizontalFunctor{work, lane.chunk.data(), lane.between.data<std::uint8_t>()});
  for_each_index(
      lane.stream.ref(), work.result_pixels(),
      FinishFunctor{work, lane.chunk.data(), lane.between.data<std::uint8_t>(),
                    lane.table.data<std::uint32_t>(), lane.batch.data(), finish.dtype, finish.layout});
  return ticket;
}

std::uint32_t CudaBackend::load_stage(const std::string& module, const std::string& name) {
  stages_.push_back(DeviceStageHandle::load(module, name, DeviceKind::cuda));
  return static_cast<std::uint32_t>(stages_.size() - 1);
}

Ticket CudaBackend::end_batch(std::uint32_t number, std::uint32_t rows,
                              std::span<const std::uint32_t> stages) {
  Lane& lane = lane_of(number);
  if (!lane.begun) refuse("no batch was begun on this lane");
  const FinishOptions& finish = lane.spec.finish;
  const bool planar = finish.layout == Layout::nchw;
  const std::array<std::int64_t, 4> shape{rows, planar ? 3 : finish.height,
                                          planar ? finish.height : finish.width, planar ? finish.width : 3};
  const Device device{DeviceKind::cuda, ordinal_};
  const DeviceBatch batch{contiguous_view(lane.batch.data(), finish.dtype, shape, device), device};
  for (const std::uint32_t stage : stages) {
    if (stage >= stages_.size()) refuse("stage " + std::to_string(stage) + " was not loaded");
    if (rows == 0) continue;
    stages_[stage].run(batch, StreamView{lane.stream.ref().get()});
    check(cudaPeekAtLastError(), "a device stage left an error");
  }
  if (rows > 0) lane.batch.download(lane.result.first(rows * finished_row_bytes(finish)));
  return mark(number);
}

void CudaBackend::abandon(std::uint32_t number) {
  Lane& lane = lane_of(number);
  wait(mark(number));  // behind everything that was enqueued, whatever failed after it
  lane.begun = false;
  lane.give_back();
}

Ticket CudaBackend::mark(std::uint32_t number) {
  Lane& lane = lane_of(number);
  settle(lane);
  if (lane.spare.empty()) lane.spare.emplace_back();
  Event event = std::move(lane.spare.back());
  lane.spare.pop_back();
  event.record(lane.stream.ref());
  lane.events.emplace_back(++lane.tickets, std::move(event));
  return {number, lane.tickets};
}

void CudaBackend::settle(Lane& lane) {
  while (!lane.events.empty() && lane.events.front().second.is_done()) {
    lane.completed = lane.events.front().first;
    lane.spare.push_back(std::move(lane.events.front().second));
    lane.events.pop_front();
  }
}

bool CudaBackend::done(Ticket ticket) {
  Lane& lane = lane_of(ticket.lane);
  if (ticket.value > lane.tickets) return false;
  if (ticket.value > lane.completed) settle(lane);
  return ticket.value <= lane.completed;
}

void CudaBackend::wait(Ticket ticket) {
  Lane& lane = lane_of(ticket.lane);
  if (ticket.value > lane.tickets) refuse("this ticket was never issued");
  while (lane.completed < ticket.value) {
    lane.events.front().second.wait();
    settle(lane);
  }
}

}  // namespace forebay::cuda
