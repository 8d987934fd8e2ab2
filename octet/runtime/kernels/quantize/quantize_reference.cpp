#include <cmath>

#include "octet/runtime/kernels/quantize/quantize.h"
#include "octet/runtime/kernels/reference.h"

namespace octet {
namespace {

std::uint8_t quantize_one(float x, float scale, std::int32_t zero, std::int32_t q_low,
                          std::int32_t q_high) {
  if (std::isnan(x)) return static_cast<std::uint8_t>(zero);
  return static_cast<std::uint8_t>(round_clamped(x / scale, q_low - zero, q_high - zero) + zero);
}

}  // namespace

void quantize_reference(const QuantizeArgs& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) {
    args.c[i] = quantize_one(args.x[i], args.scale, args.zero, args.q_low, args.q_high);
  }
}

void dequantize_reference(const DequantizeArgs& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) {
    args.y[i] = static_cast<float>(args.q[i] - args.zero) * args.scale;
  }
}

void dequantize_sums_reference(const DequantizeSumsArgs& args) noexcept {
  for (std::int64_t r = 0; r < args.rows; ++r) {
    for (int j = 0; j < args.n; ++j) {
      const std::int64_t i = r * args.n + j;
      float y = static_cast<float>(args.acc[i]) * args.scale[j];
      if (args.bias != nullptr) y = y + args.bias[j];
      args.y[i] = clamp_f32(y, args.low, args.high);
    }
  }
}

void quantize_nhwc_reference(const QuantizeNhwcArgs& args) noexcept {
  for (std::int64_t p = 0; p < args.pixels; ++p) {
    for (int c = 0; c < args.channels; ++c) {
      args.c[p * args.channels + c] =
          quantize_one(args.x[c * args.pixels + p], args.scale, args.zero, args.q_low, args.q_high);
    }
  }
}

void min_max_reference(std::int64_t count, const float* x, float* min, float* max) noexcept {
  *min = *max = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) {
    if (x[i] < *min) *min = x[i];  // false for NaN
    if (x[i] > *max) *max = x[i];
  }
}

}  // namespace octet
