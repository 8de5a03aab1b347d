#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "device/ops/finish.h"
#include "device/tensor_view.h"
#include "host/error.h"

namespace forebay {

/// A backend's failure. Sticky: the device context is lost, or nobody can say that it is not, and the owner
/// process must end: a new one takes over. Recoverable and out of memory: what was begun on this lane failed;
/// after abandon() the lane may succeed at the next.
class BackendError : public Error {
 public:
  enum class Kind : std::uint8_t { recoverable, sticky, out_of_memory };
  BackendError(Kind kind, const std::string& message,
               std::source_location where = std::source_location::current())
      : Error(kind == Kind::out_of_memory ? ErrorCode::no_memory : ErrorCode::device, message, where),
        kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// How one item of an uploaded chunk becomes one row. Offsets are bytes from the start of the chunk.
/// Plain data, small enough that a whole chunk's worth travels as a kernel parameter: no second upload.
struct ItemOp {
  std::uint32_t pixels = 0;  ///< RGB u8 pixels of the region, or of the prepared picture
  std::uint32_t width = 0;   ///< of the region (prepared: of the result)
  std::uint32_t height = 0;
  std::uint32_t horizontal = 0;       ///< resample table words (int32, 4-byte aligned)
  std::uint32_t horizontal_taps = 0;  ///< 0: prepared, pixels already are height x width of the result
  std::uint32_t vertical = 0;
  std::uint32_t vertical_taps = 0;
  std::uint32_t row = 0;  ///< row of the batch to write
};

/// Most items of one chunk. The kernel parameter of 64 ItemOps is 2 KiB; CUDA allows 4 KiB.
inline constexpr std::size_t chunk_items_max = 64;

/// A batch, or a part of one, being built: pictures of finish.height x finish.width, up to `rows` of them.
/// What a lane holds on the device is bounded by `rows`: fewer rows than the lane had before give memory
/// back.
struct BatchSpec {
  FinishOptions finish;
  std::uint32_t rows = 0;
};

/// Names a point in a lane's work. Tickets of one lane complete in order.
struct Ticket {
  std::uint32_t lane = 0;
  std::uint64_t value = 0;
};

struct BackendInfo {
  Device device;
  std::string name;  ///< as the driver calls the device, or "cpu"
  std::size_t memory_bytes = 0;
};

/// The contract between the owner process and a device. Used by one thread. Work is enqueued per *lane*
/// (a stream and a batch buffer; lanes_max of them); nothing but wait() and abandon() synchronises with it.
/// Every function may throw BackendError. One contract test suite runs against every implementation.
class Backend {
 public:
  static constexpr std::uint32_t lanes_max = 2;  ///< one batch downloads while the next is built

  virtual ~Backend() = default;

  [[nodiscard]] virtual BackendInfo info() const = 0;

  /// Whether a chunk's rows lie in the result, but for stages, once its ticket is done: they outlive this
  /// process then.
  [[nodiscard]] virtual bool finishes_chunks() const noexcept { return false; }

  /// Page-locks a range once, for its whole life. Blocks.
  virtual void pin(std::span<std::byte> range) = 0;
  virtual void unpin(std::span<std::byte> range) noexcept = 0;

  /// Starts a batch on a lane whose last ticket is done. `result` (pinned) receives the finished rows and
  /// stays untouched by others until the ticket of end_batch is done.
  virtual void begin_batch(std::uint32_t lane, const BatchSpec& spec, std::span<std::byte> result) = 0;

  /// Enqueues: upload the chunk in one copy, resample what is not prepared, finish each item into its row.
  /// `items` is read before the call returns; `chunk` (pinned) until the returned ticket is done.
  /// Precondition: the owner has validated every offset and size of `items` against the chunk;
  /// table *contents* are untrusted and clamped by the operators.
  virtual Ticket add_chunk(std::uint32_t lane, std::span<const std::byte> chunk,
                           std::span<const ItemOp> items) = 0;

  /// Loads a user's device stage from its module (path without suffix, see forebay_device_module) and
  /// returns its number. Blocks.
  virtual std::uint32_t load_stage(const std::string& module, const std::string& name) = 0;

  /// Enqueues: the given stages in order over the rows, then the result into the span of begin_batch.
  virtual Ticket end_batch(std::uint32_t lane, std::uint32_t rows, std::span<const std::uint32_t> stages) = 0;

  /// Drops what was begun on a lane, after a failure that is not sticky: waits until nothing of it reads a
  /// chunk or writes the result any more, and gives the lane's device memory back. All of the lane's tickets
  /// are done then, and begin_batch may follow. Blocks for the work that is enqueued on the lane.
  virtual void abandon(std::uint32_t lane) = 0;

  /// True once the work up to the ticket is complete. Does not block.
  [[nodiscard]] virtual bool done(Ticket ticket) = 0;

  /// The one synchronisation point of an undisturbed run: blocks until the ticket is done.
  virtual void wait(Ticket ticket) = 0;
};

/// The embedded backend: the same operators through Thrust's TBB system on at most `threads` threads.
[[nodiscard]] std::unique_ptr<Backend> make_cpu_backend(unsigned threads);

/// Loads the CUDA module that lies beside the executable or library (or at $FOREBAY_CUDA_MODULE) and opens
/// device `ordinal`. Owner process only. Throws Error(no_device) with one clear line where there is no
/// module, no driver or no such device.
[[nodiscard]] std::unique_ptr<Backend> make_cuda_backend(int ordinal);

}  // namespace forebay
