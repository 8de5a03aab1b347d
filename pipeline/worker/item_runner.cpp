#include "pipeline/worker/item_runner.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include "device/ops/prepare.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/slot_life.h"

namespace forebay {
namespace {

/// Private memory that a worker keeps from one item to the next: a 12 megapixel picture's worth.
constexpr std::size_t scratch_keep_bytes = std::size_t{48} << 20U;

std::uint32_t lap_us(std::chrono::steady_clock::time_point& since) {
  const auto now = std::chrono::steady_clock::now();
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - since).count();
  since = now;
  return static_cast<std::uint32_t>(passed);
}

ItemFailure too_large_for_slot(std::uint64_t needed, std::uint64_t holds) {
  return {ItemErrorCode::too_large,
          fmt::format("needs {} bytes, a slot holds {}; raise --slot-mb", needed, holds)};
}

void set_shape(ItemDescriptor& out, std::uint32_t height, std::uint32_t width) {
  out.dtype = DType::u8;
  out.rank = 3;
  out.shape = {height, width, static_cast<std::int64_t>(rgb_bytes)};
}

}  // namespace

/// What is known of a picture before its pixels are decoded.
struct ItemRunner::Picture {
  std::span<const std::byte> file;
  ImageInfo info;
  PreparePlan plan;
  Region region;
  std::uint32_t horizontal_taps;
  std::uint32_t vertical_taps;

  [[nodiscard]] std::uint64_t region_bytes() const {
    return std::uint64_t{region.width} * region.height * rgb_bytes;
  }
};

ItemRunner::ItemRunner(const WorkerSetup& setup, std::vector<HostStage> stages)
    : setup_(setup), stages_(std::move(stages)) {}

ItemRunner::Outcome ItemRunner::run(const ItemKey& key, int fd, std::span<std::byte> payload,
                                    std::uint64_t begin, ItemDescriptor& out, StepMark& mark) {
  out = ItemDescriptor{};
  key_ = key;
  setup_.prepare.epoch = key.epoch;
  out.index = key.number;
  out.offset = begin;
  out.payload_end = begin;
  const auto fail = [&](ItemErrorCode code, std::string_view message) {
    out.kind = ItemKind::failed;
    out.error = code;
    out.payload_end = begin;
    set_text(out.message, message);
    return Outcome::done;
  };
  const auto fail_for_memory = [&](std::string_view message) {
    // Want of memory may be the machine's: who can end is replaced, and the item tried again.
    if (setup_.may_end == 0) return fail(ItemErrorCode::no_memory, message);
    mark.out_of_memory();
    return Outcome::memory_limit;
  };
  try {
    if (fd >= 0 && run_picture(fd, payload, out, mark) == Outcome::full) return Outcome::full;
    return run_stages(payload, out, mark);
  } catch (const ItemFailure& failure) {
    // A decoder's own want of memory is one too.
    if (failure.code() == ItemErrorCode::no_memory) return fail_for_memory(failure.what());
    return fail(failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    return fail_for_memory("not enough memory to decode this picture");
  } catch (const std::exception& error) {
    return fail(ItemErrorCode::stage_failed, error.what());
  } catch (...) {
    return fail(ItemErrorCode::stage_failed, "a host stage threw something that is no std::exception");
  }
}

ItemRunner::Outcome ItemRunner::run_picture(int fd, std::span<std::byte> payload, ItemDescriptor& out,
                                            StepMark& mark) {
  mark.at(ItemStep::read);
  auto clock = std::chrono::steady_clock::now();
  Picture picture{};
  picture.file = file_.read(fd);
  out.read_us = lap_us(clock);
  picture.info = probe_image(picture.file, setup_.decode);
  out.width = picture.info.width;
  out.height = picture.info.height;
  picture.plan = plan_prepare(setup_.prepare, key_.item, out.width, out.height);
  picture.region = decodable_region(picture.info, picture.plan.needed, setup_.decode);
  picture.horizontal_taps = resample_taps(picture.plan.horizontal);
  picture.vertical_taps = resample_taps(picture.plan.vertical);

  const std::uint64_t prepared_bytes = std::uint64_t{setup_.prepare.crop} * setup_.prepare.crop * rgb_bytes;
  const bool first = out.offset == 0;
  if (setup_.regions != 0) {
    const std::uint64_t tables = (resample_table_words(setup_.prepare.crop, picture.horizontal_taps) +
                                  resample_table_words(setup_.prepare.crop, picture.vertical_taps)) *
                                 sizeof(std::int32_t);
    const std::uint64_t needed = align_payload(picture.region_bytes()) + tables;
    if (needed <= payload.size() - out.offset) return leave_region(picture, payload, out, mark);
    if (needed <= payload.size() && !first) return Outcome::full;
    out.fallback = 1;
  }
  if (prepared_bytes > payload.size() - out.offset) {
    if (!first) return Outcome::full;
    throw too_large_for_slot(prepared_bytes, payload.size());
  }
  prepare_picture(picture, payload, out, mark);
  return Outcome::done;
}

ItemRunner::Outcome ItemRunner::leave_region(const Picture& picture, std::span<std::byte> payload,
                                             ItemDescriptor& out, StepMark& mark) {
  mark.at(ItemStep::decode);
  auto clock = std::chrono::steady_clock::now();
  auto* pixels = reinterpret_cast<std::uint8_t*>(payload.data() + out.offset);
  const DecodeReport report = decode_image(picture.file, picture.info, picture.region, setup_.decode, pixels);
  out.warnings = report.warnings;
  mark.at(ItemStep::prepare);
  slot_step("pipeline.worker.decoded");
  out.decode_us = lap_us(clock);
  out.kind = ItemKind::region;
  out.bytes = picture.region_bytes();
  out.decoded_bytes = out.bytes;
  set_shape(out, picture.region.height, picture.region.width);

  std::uint64_t next = align_payload(out.offset + out.bytes);
  const auto leave_table = [&](const AxisPlan& axis, std::uint32_t taps, std::uint32_t region_begin) {
    const std::size_t words = resample_table_words(axis.outputs, taps);
    auto* memory = reinterpret_cast<std::int32_t*>(payload.data() + next);
    fill_resample_table(axis, region_begin, {memory, words});
    const auto offset = static_cast<std::uint32_t>(next);
    next += words * sizeof(std::int32_t);
    return offset;
  };
  out.horizontal_taps = picture.horizontal_taps;
  out.horizontal = leave_table(picture.plan.horizontal, picture.horizontal_taps, picture.region.x);
  out.vertical_taps = picture.vertical_taps;
  out.vertical = leave_table(picture.plan.vertical, picture.vertical_taps, picture.region.y);
  out.prepare_us = lap_us(clock);
  // The last item of a slot may end at the payload's very end; only a next one needs the alignment.
  out.payload_end = align_payload(next) <= payload.size() ? align_payload(next) : payload.size();
  return Outcome::done;
}

void ItemRunner::prepare_picture(const Picture& picture, std::span<std::byte> payload, ItemDescriptor& out,
                                 StepMark& mark) {
  mark.at(ItemStep::decode);
  auto clock = std::chrono::steady_clock::now();
  auto* pixels = reinterpret_cast<std::uint8_t*>(pixels_.reserve(picture.region_bytes()).data());
  const DecodeReport report = decode_image(picture.file, picture.info, picture.region, setup_.decode, pixels);
  out.warnings = report.warnings;
  out.decoded_bytes = picture.region_bytes();
  mark.at(ItemStep::prepare);
  slot_step("pipeline.worker.decoded");
  out.decode_us = lap_us(clock);

  const std::uint32_t crop = setup_.prepare.crop;
  const std::size_t horizontal_words = resample_table_words(crop, picture.horizontal_taps);
  const std::size_t vertical_words = resample_table_words(crop, picture.vertical_taps);
  const std::span<std::byte> memory =
      tables_.reserve((horizontal_words + vertical_words) * sizeof(std::int32_t));
  auto* words = reinterpret_cast<std::int32_t*>(memory.data());
  const ResampleTable horizontal =
      fill_resample_table(picture.plan.horizontal, picture.region.x, {words, horizontal_words});
  const ResampleTable vertical = fill_resample_table(picture.plan.vertical, picture.region.y,
                                                     {words + horizontal_words, vertical_words});
  const ImageView region{pixels, picture.region.width, picture.region.height,
                         std::size_t{picture.region.width} * rgb_bytes};
  resample(region, horizontal, vertical, reinterpret_cast<std::uint8_t*>(payload.data() + out.offset));
  out.prepare_us = lap_us(clock);
  out.kind = ItemKind::prepared;
  out.bytes = std::uint64_t{crop} * crop * rgb_bytes;
  set_shape(out, crop, crop);
  const std::uint64_t end = align_payload(out.offset + out.bytes);
  out.payload_end = end <= payload.size() ? end : payload.size();
  pixels_.trim(scratch_keep_bytes);
}

ItemRunner::Outcome ItemRunner::run_stages(std::span<std::byte> payload, ItemDescriptor& out,
                                           StepMark& mark) {
  if (stages_.empty()) {
    if (out.kind == ItemKind::failed) {
      throw ItemFailure(ItemErrorCode::stage_failed,
                        "the item has no file and no host stage makes its content");
    }
    return Outcome::done;
  }
  auto clock = std::chrono::steady_clock::now();
  const std::span<std::byte> room = payload.subspan(out.offset);
  TensorView tensor;
  if (out.kind == ItemKind::prepared) {
    tensor = contiguous_view(room.data(), out.dtype, std::span(out.shape).first(out.rank));
  }
  Item item(key_.item, key_.epoch, setup_.prepare.seed, tensor, room);
  try {
    for (std::size_t number = 0; number < stages_.size(); ++number) {
      mark.at(stage_step(number));
      stages_[number](item);
    }
  } catch (const ItemFailure& failure) {
    // What does not fit behind other items is no failure yet: it gets a slot of its own.
    if (failure.code() == ItemErrorCode::too_large && out.offset > 0) return Outcome::full;
    throw;
  }
  const TensorView& made = item.tensor();
  if (made.data == nullptr) {
    throw ItemFailure(ItemErrorCode::stage_failed, "no host stage made a tensor; call Item::emplace");
  }
  const bool same = out.kind == ItemKind::prepared && made.dtype == out.dtype && made.rank == out.rank &&
                    made.shape == out.shape;
  if (!same) out.kind = ItemKind::tensor;
  out.dtype = made.dtype;
  out.rank = made.rank;
  out.shape = made.shape;
  out.bytes = made.bytes();
  const std::uint64_t end = align_payload(out.offset + out.bytes);
  out.payload_end = end <= payload.size() ? end : payload.size();
  out.stage_us = lap_us(clock);
  return Outcome::done;
}

}  // namespace forebay
