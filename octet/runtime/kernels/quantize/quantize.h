#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

namespace octet {

/// Numerics clause 1: c = clamp(round_half_even(x / scale), q_low - zero, q_high - zero) + zero,
/// divided, clamped in float before the conversion; NaN gives zero.
struct QuantizeArgs {
  std::int64_t count;
  const float* x;
  std::uint8_t* c;
  float scale;
  std::int32_t zero;
  std::int32_t q_low, q_high;
};
/// Numerics clause 2: y = float(q - zero) * scale.
struct DequantizeArgs {
  std::int64_t count;
  const std::uint8_t* q;
  float* y;
  float scale;
  std::int32_t zero;
};
/// y[i] = float(acc[i]) * scale[i % n]: sums of a layer whose output stays float.
struct DequantizeSumsArgs {
  std::int64_t rows;
  int n;
  const std::int32_t* acc;  // [rows][n]
  const float* scale;       // [n]
  const float* bias;        // [n] or null: added after the product
  float* y;                 // [rows][n]
  float low, high;
};
/// NCHW to NHWC with quantization: the first step of a quantized network.
struct QuantizeNhwcArgs {
  int channels;
  std::int64_t pixels;  // h * w
  const float* x;       // [channels][pixels]
  std::uint8_t* c;      // [pixels][channels]
  float scale;
  std::int32_t zero;
  std::int32_t q_low, q_high;
};

struct QuantizeKernel {
  std::string_view name;
  Isa needs;
  void (*quantize)(const QuantizeArgs& args) noexcept;
  void (*dequantize)(const DequantizeArgs& args) noexcept;
  void (*dequantize_sums)(const DequantizeSumsArgs& args) noexcept;
  void (*quantize_nhwc)(const QuantizeNhwcArgs& args) noexcept;
  /// Smallest and largest of x and 0, for DynamicQuantizeLinear; NaN is skipped.
  void (*min_max)(std::int64_t count, const float* x, float* min, float* max) noexcept;
};
std::span<const QuantizeKernel> quantize_kernels();
const QuantizeKernel& select_quantize(Isa have);

}  // namespace octet
