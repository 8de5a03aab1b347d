#include "device/ops/resample_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "device/ops/repeated_sum.h"
#include "host/contract.h"

namespace forebay {
namespace {

// The filters of Pillow 9.4, libImaging/Resample.c, expression for expression: the integers that come out
// must be its.

double box_filter(double x) {
  if (x > -0.5 && x <= 0.5) return 1.0;
  return 0.0;
}

double bilinear_filter(double x) {
  if (x < 0.0) x = -x;
  if (x < 1.0) return 1.0 - x;
  return 0.0;
}

double bicubic_filter(double x) {
  constexpr double a = -0.5;
  if (x < 0.0) x = -x;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double sinc_filter(double x) {
  if (x == 0.0) return 1.0;
  x = x * std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos_filter(double x) {
  if (-3.0 <= x && x < 3.0) return sinc_filter(x) * sinc_filter(x / 3);
  return 0.0;
}

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Filter filter) {
  switch (filter) {
    case Filter::nearest:
    case Filter::box: return {&box_filter, 0.5};
    case Filter::bilinear: return {&bilinear_filter, 1.0};
    case Filter::bicubic: return {&bicubic_filter, 2.0};
    case Filter::lanczos: return {&lanczos_filter, 3.0};
  }
  return {&bilinear_filter, 1.0};
}

/// Inputs of one output, relative to the box. A count of 0: Pillow leaves this output black.
struct Inputs {
  std::int64_t first;
  std::int64_t count;
};

/// One axis of Pillow's precompute_coeffs, for an image of `box_size` pixels.
struct Axis {
  explicit Axis(const AxisPlan& plan)
      : identity(plan.resized == plan.box_size),
        nearest(plan.filter == Filter::nearest),
        kernel(kernel_of(plan.filter)),
        in_size(plan.box_size),
        scale(static_cast<double>(plan.box_size) / static_cast<double>(plan.resized)),
        filter_scale(std::max(scale, 1.0)),
        support(kernel.support * filter_scale) {}

  [[nodiscard]] Inputs inputs_of(std::int64_t out) const {
    if (identity) return {out, 1};
    if (nearest) return nearest_inputs(nearest_position(out));
    const double center = center_of(out);
    // NOLINTBEGIN(bugprone-incorrect-roundings): Pillow's rounding, not a better one
    const std::int64_t first = std::max(static_cast<std::int64_t>(center - support + 0.5), std::int64_t{0});
    const std::int64_t end = std::min(static_cast<std::int64_t>(center + support + 0.5), in_size);
    // NOLINTEND(bugprone-incorrect-roundings)
    return {first, end - first};
  }

  [[nodiscard]] double center_of(std::int64_t out) const { return (static_cast<double>(out) + 0.5) * scale; }

  /// Pillow's ImagingScaleAffine walks the axis by adding the scale to the first centre (Geometry.c, xo +=
  /// a[0]).
  [[nodiscard]] double nearest_position(std::int64_t out) const {
    return repeated_sum(scale * 0.5, scale, static_cast<std::uint64_t>(out));
  }
  /// The walk's rounding may lead it past the last input of a very long axis: Pillow leaves such outputs
  /// black.
  [[nodiscard]] Inputs nearest_inputs(double position) const {
    const auto input = static_cast<std::int64_t>(position);
    return input < in_size ? Inputs{input, 1} : Inputs{in_size - 1, 0};
  }

  bool identity;
  bool nearest;
  Kernel kernel;
  std::int64_t in_size;
  double scale;
  double filter_scale;
  double support;
};

/// The outputs that are no padding: [begin, end) of the resized axis.
struct RealOutputs {
  explicit RealOutputs(const AxisPlan& plan)
      : begin(std::max(plan.crop_begin, std::int64_t{0})),
        end(std::min(plan.crop_begin + plan.outputs, static_cast<std::int64_t>(plan.resized))) {}
  std::int64_t begin;
  std::int64_t end;
};

/// Pillow's normalize_coeffs_8bpc.
std::int32_t to_fixed(double weight) {
  constexpr double one = 1 << resample_precision_bits;
  return static_cast<std::int32_t>(weight < 0 ? -0.5 + weight * one : 0.5 + weight * one);
}

/// A table being filled. Outputs that nobody sets stay padding.
class TableWriter {
 public:
  TableWriter(const AxisPlan& plan, std::uint32_t region_begin, std::uint32_t taps,
              std::span<std::int32_t> words)
      : plan_(plan),
        shift_(static_cast<std::int64_t>(plan.box_begin) - region_begin),
        taps_(taps),
        firsts_(words.data()),
        counts_(firsts_ + plan.outputs),
        weights_(counts_ + plan.outputs) {
    std::fill(words.begin(), words.end(), 0);
  }

  /// Sets what the resized axis' output `out` reads; returns where its weights go.
  std::int32_t* set(std::int64_t out, const Inputs& inputs) {
    const auto offset = static_cast<std::uint32_t>(out - plan_.crop_begin);
    const std::uint32_t position = plan_.mirror ? plan_.outputs - 1 - offset : offset;
    firsts_[position] = static_cast<std::int32_t>(inputs.first + shift_);
    counts_[position] = static_cast<std::int32_t>(inputs.count);
    return weights_ + std::size_t{position} * taps_;
  }

 private:
  const AxisPlan& plan_;
  std::int64_t shift_;
  std::uint32_t taps_;
  std::int32_t* firsts_;
  std::int32_t* counts_;
  std::int32_t* weights_;
};

/// One input for each output, as it is.
void fill_selection(const Axis& axis, const RealOutputs& outputs, TableWriter& table) {
  double position = axis.nearest_position(outputs.begin);
  for (std::int64_t out = outputs.begin; out < outputs.end; ++out, position += axis.scale) {
    const Inputs inputs = axis.identity ? Inputs{out, 1} : axis.nearest_inputs(position);
    *table.set(out, inputs) = 1 << resample_precision_bits;
  }
}

void fill_weights(const Axis& axis, const RealOutputs& outputs, std::uint32_t taps, TableWriter& table) {
  std::vector<double> raw(taps);
  const double inverse = 1.0 / axis.filter_scale;
  for (std::int64_t out = outputs.begin; out < outputs.end; ++out) {
    const Inputs inputs = axis.inputs_of(out);
    const double center = axis.center_of(out);
    double sum = 0.0;
    for (std::int64_t tap = 0; tap < inputs.count; ++tap) {
      const double at = static_cast<double>(tap + inputs.first);
      const double weight = axis.kernel.weight((at - center + 0.5) * inverse);
      raw[static_cast<std::size_t>(tap)] = weight;
      sum += weight;
    }
    std::int32_t* weights = table.set(out, inputs);
    for (std::int64_t tap = 0; tap < inputs.count; ++tap) {
      const double weight = raw[static_cast<std::size_t>(tap)];
      weights[tap] = to_fixed(sum != 0.0 ? weight / sum : weight);
    }
  }
}

}  // namespace

std::uint32_t resample_taps(const AxisPlan& plan) noexcept {
  const Axis axis(plan);
  if (axis.identity || axis.nearest) return 1;
  return static_cast<std::uint32_t>(std::ceil(axis.support)) * 2 + 1;
}

AxisSpan needed_span(const AxisPlan& plan) noexcept {
  const Axis axis(plan);
  const RealOutputs outputs(plan);
  if (outputs.end <= outputs.begin) return {plan.box_begin, 1};
  // The first input and the end grow with the output, so the two outermost outputs decide.
  const Inputs first = axis.inputs_of(outputs.begin);
  const Inputs last = axis.inputs_of(outputs.end - 1);
  const std::int64_t begin = std::min(first.first, axis.in_size - 1);
  const std::int64_t end = std::max(last.first + last.count, begin + 1);
  return {plan.box_begin + static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
}

ResampleTable fill_resample_table(const AxisPlan& plan, std::uint32_t region_begin,
                                  std::span<std::int32_t> words) {
  const Axis axis(plan);
  const std::uint32_t taps = resample_taps(plan);
  expect(words.size() == resample_table_words(plan.outputs, taps), "a resample table has the words it needs");
  TableWriter table(plan, region_begin, taps, words);
  if (axis.identity || axis.nearest) {
    fill_selection(axis, RealOutputs(plan), table);
  } else {
    fill_weights(axis, RealOutputs(plan), taps, table);
  }
  return {words.data(), plan.outputs, taps};
}

}  // namespace forebay
