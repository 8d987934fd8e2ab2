#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// Elementwise arithmetic on equal-sized contiguous runs; the caller loops for broadcasting.
// The result may replace an operand (c == a or c == b); Mul ignores low and high.

namespace octet {

/// Numerics clause 6, Add: real(q) = float(q - zero) * scale, each step one float32 operation,
///   sum = clamp(real_a(a[i]) + real_b(b[i]), low, high)        (the fused activation)
///   c[i] = clamp(round_half_even(sum / c_scale), -c_zero, 255 - c_zero) + c_zero
/// exactly as DequantizeLinear, Add, Clip, QuantizeLinear would compute.
/// Mul: m = float32(double(a_scale) * b_scale / c_scale),
///   c[i] = clamp(round_half_even(float((a[i] - a_zero) * (b[i] - b_zero)) * m), ...) + c_zero
struct EltwiseU8Args {
  std::int64_t count;
  const std::uint8_t* a;
  const std::uint8_t* b;
  std::uint8_t* c;
  float a_scale, b_scale, c_scale;
  std::int32_t a_zero, b_zero, c_zero;
  float low, high;
};
/// c = clamp(a + b) or a * b in float32. NaN stays NaN.
struct EltwiseF32Args {
  std::int64_t count;
  const float* a;
  const float* b;
  float* c;
  float low, high;
};

/// HardSigmoid: c = max(0, min(1, alpha * a + beta)), each step one float32 operation; HardSwish,
/// if `times_input`: the same times a. The minimum of 1 and NaN is 1.
struct HardF32Args {
  std::int64_t count;
  const float* a;
  float* c;
  float alpha, beta;
  bool times_input;
};

struct EltwiseKernel {
  std::string_view name;
  Isa needs;
  void (*add_u8)(const EltwiseU8Args& args) noexcept;
  void (*mul_u8)(const EltwiseU8Args& args) noexcept;
  void (*add_f32)(const EltwiseF32Args& args) noexcept;
  void (*mul_f32)(const EltwiseF32Args& args) noexcept;
  /// c = min(max(a, low), high); b unused.
  void (*clamp_f32)(const EltwiseF32Args& args) noexcept;
  void (*hard_f32)(const HardF32Args& args) noexcept;
};
std::span<const EltwiseKernel> eltwise_kernels();
const EltwiseKernel& select_eltwise(Isa have);

}  // namespace octet
