// Resampling along one axis. With x' the coordinate in the input, the left neighbour is
// base = ceil(x') - 1 and ratio = x' - base lies in (0, 1].

#include "octet/graph/functions/resize_taps.h"

#include <algorithm>
#include <cmath>

namespace octet {
namespace {

double unscaled(const ResizeAxis& axis, double x) {
  if (axis.exact) return x * static_cast<double>(axis.in) / static_cast<double>(axis.out);
  // In float, as the one who chose the scale computes: 1 / (1.0f / 3) is 3, so that element 1 of
  // three takes pixel 3 and not 2.
  return static_cast<double>(static_cast<float>(x) / static_cast<float>(axis.scale));
}

double input_coordinate(const ResizeOptions& options, const ResizeAxis& axis, std::int64_t index) {
  const auto x = static_cast<double>(index);
  const auto in = static_cast<double>(axis.in), out = static_cast<double>(axis.out);
  switch (options.coordinates) {
    case CoordinateMode::kHalfPixel:
      return unscaled(axis, x + 0.5) - 0.5;
    case CoordinateMode::kHalfPixelSymmetric: {
      const double adjustment = axis.exact ? 1.0 : out / (axis.scale * in);
      return in / 2 * (1 - adjustment) + unscaled(axis, x + 0.5) - 0.5;
    }
    case CoordinateMode::kPytorchHalfPixel:
      return axis.out > 1 ? unscaled(axis, x + 0.5) - 0.5 : 0.0;
    case CoordinateMode::kAlignCorners: {
      // ONNX's reference takes the length before rounding.
      const double length = axis.exact ? out : axis.scale * in;
      return axis.out > 1 ? x * (in - 1) / (length - 1) : 0.0;
    }
    case CoordinateMode::kAsymmetric:
      return unscaled(axis, x);
    case CoordinateMode::kTfCropAndResize:
      break;
  }
  if (axis.out == 1) return 0.5 * (axis.roi_begin + axis.roi_end) * (in - 1);
  return axis.roi_begin * (in - 1) + x * (axis.roi_end - axis.roi_begin) * (in - 1) / (out - 1);
}

/// Keys' cubic, with coefficient a, at a distance.
double cubic(double a, double distance) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0.0;
}

double nearest_index(NearestMode mode, double x) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return std::ceil(x - 0.5);
    case NearestMode::kRoundPreferCeil:
      return std::floor(x + 0.5);
    case NearestMode::kFloor:
      return std::floor(x);
    case NearestMode::kCeil:
      break;
  }
  return std::ceil(x);
}

/// Beyond it a shrunk filter would have more taps than any tensor has elements.
constexpr double kMinFilterScale = 1e-9;

double filter_scale(const ResizeOptions& options, const ResizeAxis& axis) {
  return options.antialias ? std::clamp(axis.scale, kMinFilterScale, 1.0) : 1.0;
}

}  // namespace

bool ResizeAxis::is_identity(const ResizeOptions& options) const {
  return in == out && scale == 1.0 &&
         (options.coordinates != CoordinateMode::kTfCropAndResize ||
          (roi_begin == 0.0 && roi_end == 1.0));
}

std::int64_t max_taps(const ResizeOptions& options, std::int64_t in, std::int64_t out) {
  if (options.mode == ResizeMode::kNearest) return 1;
  const std::int64_t support = options.mode == ResizeMode::kLinear ? 1 : 2;
  if (!options.antialias || out < 1) return std::min(in, 2 * support);
  // Rounding moves the size by half an element at most (or up to one down, which shrinks 1 /
  // scale).
  const double shrink = std::max(1.0, static_cast<double>(in) / (static_cast<double>(out) - 0.5));
  const double taps = 2 * std::ceil(static_cast<double>(support) * shrink) + 2;
  return static_cast<std::int64_t>(std::min(static_cast<double>(in), taps));
}

bool make_taps(const ResizeOptions& options, const ResizeAxis& axis, std::int64_t x,
               std::int64_t capacity, ResizeTaps& taps, float* weights) noexcept {
  if (capacity < 1) return false;
  if (axis.is_identity(options)) {
    taps = {static_cast<std::int32_t>(x), 1};
    weights[0] = 1.0f;
    return true;
  }
  const double at = input_coordinate(options, axis, x);
  const auto last = static_cast<double>(axis.in - 1);
  if (!std::isfinite(at)) return false;
  if (options.coordinates == CoordinateMode::kTfCropAndResize && (at < 0 || at > last)) {
    taps = {};
    return true;
  }
  if (options.mode == ResizeMode::kNearest) {
    const double index = std::clamp(nearest_index(options.nearest, at), 0.0, last);
    taps = {static_cast<std::int32_t>(index), 1};
    weights[0] = 1.0f;
    return true;
  }
  const double scale = filter_scale(options, axis);
  const double support = options.mode == ResizeMode::kLinear ? 1.0 : 2.0;
  const double reach = std::ceil(support / scale);  // taps on either side
  const double base = std::ceil(at) - 1;
  const double low = base - reach + 1, high = base + reach;
  const double first = std::clamp(low, 0.0, last);
  const double count = std::clamp(high, 0.0, last) - first + 1;
  if (!(count <= static_cast<double>(capacity))) return false;
  taps = {static_cast<std::int32_t>(first), static_cast<std::int32_t>(count)};
  // What lies outside repeats the edge, or is left out and the rest made to sum to 1.
  std::fill_n(weights, taps.count, 0.0f);
  double total = 0.0;
  for (double i = low; i <= high; ++i) {
    const double distance = (i - at) * scale;
    const bool inside = i >= 0 && i <= last;
    if (options.exclude_outside && !inside) continue;
    const double weight = options.mode == ResizeMode::kLinear
                              ? std::max(0.0, 1 - std::abs(distance))
                              : cubic(double{options.cubic_coefficient}, distance);
    weights[static_cast<std::int64_t>(std::clamp(i, first, first + count - 1) - first)] +=
        static_cast<float>(weight);
    total += weight;
  }
  if (total == 0.0) return false;
  for (std::int32_t i = 0; i < taps.count; ++i) {
    weights[i] = static_cast<float>(weights[i] / total);
  }
  return true;
}

}  // namespace octet
