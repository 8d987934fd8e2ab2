#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// Pooling over NHWC, pixels given by pointers: the caller lists, per output pixel, the taps that
// lie inside the input (padding is never a candidate of a maximum nor part of a sum). The output
// overlaps no input.

namespace octet {

/// out[c] = max over t of a[t][c]; NaN if any of them is.
struct MaxPoolArgs {
  int taps;              // >= 1: those inside the input
  int channels;          // elements at each pointer
  const void* const* a;  // [taps]
  void* c;               // `channels` elements are written
};
/// Sums of codes: sum[c] = sum over t of a[t][c], exact in int32. Numerics clause 6: the mean over
/// `count` positions is requantized as
///   clamp(round_half_even(float(sum - taps * a_zero) * m), q_low - c_zero, q_high - c_zero) +
///   c_zero
/// with m = float32(double(s_a) / (count * s_c)).
struct AveragePoolU8Args {
  std::int64_t taps;
  int channels;
  const std::uint8_t* const* a;  // [taps]; null: the taps are contiguous from `base`
  const std::uint8_t* base;      // used if a is null: tap t at base + t * base_stride
  std::ptrdiff_t base_stride;
  std::int32_t a_zero;
  float multiplier;
  std::uint8_t* c;
  std::int32_t c_zero, q_low, q_high;
  std::int32_t* scratch;  // [channels + 64], or null: no kernel here needs it
};
/// out[c] = (a[0][c] + a[1][c] + ...) / float(count), added in that order.
struct AveragePoolF32Args {
  std::int64_t taps;
  int channels;
  const float* const* a;
  const float* base;
  std::ptrdiff_t base_stride;
  float count;
  float* c;
};

struct PoolKernel {
  std::string_view name;
  Isa needs;
  void (*max_u8)(const MaxPoolArgs& args) noexcept;
  void (*max_f32)(const MaxPoolArgs& args) noexcept;
  void (*average_u8)(const AveragePoolU8Args& args) noexcept;
  void (*average_f32)(const AveragePoolF32Args& args) noexcept;
};
std::span<const PoolKernel> pool_kernels();
const PoolKernel& select_pool(Isa have);

}  // namespace octet
