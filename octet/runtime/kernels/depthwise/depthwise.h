#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// Depthwise convolution (one input channel per output channel), NHWC, pixels given by pointers as
// in gemm_u8s8.h. All channels of `pixels` output pixels per call.

namespace octet {

/// acc[p][c] = bias[c] + sum over t of a[p * taps + t][c] * w[t][c], exact in int32, then
/// requantized as in gemm_u8s8.h.
struct DepthwiseU8S8Args {
  int pixels;  // >= 1
  int taps;
  int channels;                  // bytes at each pointer; 64 more are readable
  const std::uint8_t* const* a;  // [pixels][taps]
  const void* weights;           // as written by pack()
  const std::int32_t* bias;      // [channels], padded with 64 readable ints; holds -a_zero * sum(w)
  const float* multiplier;       // [channels], padded with 64 readable floats
  std::uint8_t* c;               // pixel p begins at c + p * c_stride; `channels` bytes written
  std::ptrdiff_t c_stride;
  std::int32_t c_zero;
  std::int32_t q_low, q_high;
};

struct DepthwiseU8S8Kernel {
  std::string_view name;
  Isa needs;
  std::size_t (*packed_bytes)(int taps, int channels);
  /// weights [taps][channels] -> packed. The destination is zero-filled.
  void (*pack)(int taps, int channels, const std::int8_t* weights, void* packed);
  void (*run)(const DepthwiseU8S8Args& args) noexcept;
};
std::span<const DepthwiseU8S8Kernel> depthwise_u8s8_kernels();
const DepthwiseU8S8Kernel& select_depthwise_u8s8(Isa have);

/// acc = bias[c]; for t: acc = fma(a[p * taps + t][c], w[t][c], acc); out = clamp(acc)
struct DepthwiseF32Args {
  int pixels;
  int taps;
  int channels;           // floats at each pointer; 16 more are readable
  const float* const* a;  // [pixels][taps]
  const float* weights;   // [taps][channels], 16 more floats readable
  const float* bias;      // [channels], 16 more floats readable
  float* c;
  std::ptrdiff_t c_stride;
  float low, high;
};
struct DepthwiseF32Kernel {
  std::string_view name;
  Isa needs;
  void (*run)(const DepthwiseF32Args& args) noexcept;
};
std::span<const DepthwiseF32Kernel> depthwise_f32_kernels();
const DepthwiseF32Kernel& select_depthwise_f32(Isa have);

}  // namespace octet
