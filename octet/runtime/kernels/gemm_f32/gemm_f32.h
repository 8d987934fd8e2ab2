#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// Indirect GEMM in float32; see gemm_u8s8.h for the indirection. Every kernel accumulates each
// output in one chain of fused multiply-adds, starting from the bias, taps outermost and channels
// innermost, so all instruction sets give the same bytes (numerics clause 13):
//
//   acc = bias[j]; for t, c: acc = fma(a[t * rows + r][c], w[j][t][c], acc); out = clamp(acc)
//
// The chain may be cut: a call that `continues` begins with what lies in c. Without a clamp between
// them, two calls for [0, K) and [K, L) give the bytes of one for [0, L).
//
// NaN passes through the clamp; which of several NaN payloads an output carries is unspecified.

namespace octet {

struct GemmF32Args {
  int rows;               // 1..mr
  int taps;               // >= 1
  int channels;           // floats at each pointer
  int n;                  // output columns, >= 1
  const float* const* a;  // [taps][rows]
  const float* weights;   // as written by this kernel's pack(), 64-byte aligned
  const float* bias;      // [n padded to nr]
  float* c;               // row r begins at c + r * c_stride; exactly n floats are written
  std::ptrdiff_t c_stride;
  float low, high;         // min(max(acc, low), high)
  bool continues = false;  // acc = c[r][j] instead of bias[j]
};

struct GemmF32Kernel {
  std::string_view name;
  Isa needs;
  int mr, nr;
  std::size_t (*packed_bytes)(int taps, int channels, int n);
  /// weights [n][taps][channels] row-major -> packed. The destination is zero-filled.
  void (*pack)(int taps, int channels, int n, const float* weights, float* packed);
  void (*run)(const GemmF32Args& args) noexcept;
};

/// Fastest first; the reference is last and needs nothing.
std::span<const GemmF32Kernel> gemm_f32_kernels();
const GemmF32Kernel& select_gemm_f32(Isa have);

}  // namespace octet
