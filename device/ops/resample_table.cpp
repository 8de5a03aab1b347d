#include "device/ops/resample_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "host/contract.h"

namespace forebay {
namespace {

// The filters of Pillow 9.4, libImaging/Resample.c, expression for expression: the integers that come out must be its.

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

/// One axis of Pillow's precompute_coeffs, for an image of `box_size` pixels.
struct Axis {
  explicit Axis(const AxisPlan& plan)
      : identity(plan.resized == plan.box_size),
        nearest(plan.filter == Filter::nearest),
        kernel(kernel_of(plan.filter)),
        in_size(static_cast<int>(plan.box_size)),
        scale(static_cast<double>(plan.box_size) / plan.resized),
        filter_scale(std::max(scale, 1.0)),
        support(kernel.support * filter_scale) {}

  /// First input and number of inputs of output `out`, relative to the box.
  [[nodiscard]] std::pair<int, int> inputs_of(int out) const {
    if (identity) return {out, 1};
    if (nearest) return {std::clamp(nearest_input(out), 0, in_size - 1), 1};
    const double center = (out + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), in_size);
    return {first, end - first};
  }

  /// Pillow's ImagingScaleAffine walks the axis by adding the scale to the first centre (Geometry.c, xo += a[0]).
  [[nodiscard]] int nearest_input(int out) const {
    const double start = scale * 0.5;
    double position = start;
    for (int i = 0; i < out; ++i) position += scale;
    return static_cast<int>(position);
  }

  bool identity;
  bool nearest;
  Kernel kernel;
  int in_size;
  double scale;
  double filter_scale;
  double support;
};

int output_of(const AxisPlan& plan, std::uint32_t position) {
  const auto at = plan.mirror ? plan.outputs - 1 - position : position;
  return plan.crop_begin + static_cast<int>(at);
}

bool is_padding(const AxisPlan& plan, int out) { return out < 0 || out >= static_cast<int>(plan.resized); }

/// Pillow's normalize_coeffs_8bpc.
std::int32_t to_fixed(double weight) {
  constexpr double one = 1 << resample_precision_bits;
  return static_cast<std::int32_t>(weight < 0 ? -0.5 + weight * one : 0.5 + weight * one);
}

}  // namespace

std::uint32_t resample_taps(const AxisPlan& plan) noexcept {
  const Axis axis(plan);
  if (axis.identity || axis.nearest) return 1;
  return static_cast<std::uint32_t>(std::ceil(axis.support)) * 2 + 1;
}

AxisSpan needed_span(const AxisPlan& plan) noexcept {
  const Axis axis(plan);
  int begin = axis.in_size;
  int end = 0;
  // The first input and the end grow with the output, so the two outermost real outputs decide.
  const int first_out = std::max(plan.crop_begin, 0);
  const int last_out =
      std::min(plan.crop_begin + static_cast<int>(plan.outputs), static_cast<int>(plan.resized)) - 1;
  for (const int out : {first_out, last_out}) {
    if (last_out < first_out) break;
    const auto [first, count] = axis.inputs_of(out);
    begin = std::min(begin, first);
    end = std::max(end, first + count);
  }
  if (end <= begin) return {plan.box_begin, 1};
  return {plan.box_begin + static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
}

ResampleTable fill_resample_table(const AxisPlan& plan, std::uint32_t region_begin,
                                  std::span<std::int32_t> words) {
  const Axis axis(plan);
  const std::uint32_t taps = resample_taps(plan);
  expect(words.size() == resample_table_words(plan.outputs, taps), "a resample table has the words it needs");
  std::fill(words.begin(), words.end(), 0);
  std::int32_t* firsts = words.data();
  std::int32_t* counts = firsts + plan.outputs;
  std::int32_t* weights = counts + plan.outputs;
  std::vector<double> raw(taps);
  const auto shift = static_cast<std::int32_t>(plan.box_begin) - static_cast<std::int32_t>(region_begin);
  const double inverse = 1.0 / axis.filter_scale;
  for (std::uint32_t position = 0; position < plan.outputs; ++position, weights += taps) {
    const int out = output_of(plan, position);
    if (is_padding(plan, out)) continue;
    const auto [first, count] = axis.inputs_of(out);
    firsts[position] = first + shift;
    counts[position] = count;
    if (axis.identity || axis.nearest) {
      weights[0] = 1 << resample_precision_bits;
      continue;
    }
    const double center = (out + 0.5) * axis.scale;
    double sum = 0.0;
    for (int tap = 0; tap < count; ++tap) {
      const double weight = axis.kernel.weight((tap + first - center + 0.5) * inverse);
      raw[static_cast<std::size_t>(tap)] = weight;
      sum += weight;
    }
    for (int tap = 0; tap < count; ++tap) {
      double weight = raw[static_cast<std::size_t>(tap)];
      if (sum != 0.0) weight /= sum;
      weights[tap] = to_fixed(weight);
    }
  }
  return {words.data(), plan.outputs, taps};
}

}  // namespace forebay
