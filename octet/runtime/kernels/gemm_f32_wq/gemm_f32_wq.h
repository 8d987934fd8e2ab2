#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// GEMM of float activations with quantized weights, which stay packed: a kernel reads codes of 4 or
// 8 bits, dequantizes them in registers (numerics clause 2) and goes on as gemm_f32 does, one chain
// of fused multiply-adds per output:
//
//   w[j][k] = float(code[j][k] - zero[j][k / block]) * scale[j][k / block]
//   acc = bias[j]; for k: acc = fma(a[r][k], w[j][k], acc); out = clamp(acc)
//
// so every row gives the bytes of DequantizeLinear followed by gemm_f32, on every instruction set.
// Codes are unsigned; signed ones are moved by half their range together with their zero point.

namespace octet {

/// Scales change only at multiples of this many elements of the depth.
inline constexpr int kWqBlockStep = 8;

struct GemmF32WqArgs {
  int rows;               // 1..mr
  int depth;              // floats at each pointer of `a`, >= 1
  int n;                  // output columns, >= 1
  int block;              // elements that share a scale: a multiple of kWqBlockStep, or >= depth
  const float* const* a;  // [rows]
  const std::uint32_t* codes;  // as written by pack_codes(), panel by panel, 64-byte aligned
  const float* scale;          // as written by pack_parameters(), panel by panel
  const std::uint8_t* zero;    // likewise; null: every zero point is common_zero
  int common_zero;
  const float* bias;  // [n padded to nr]
  float* c;           // row r begins at c + r * c_stride; exactly n floats are written
  std::ptrdiff_t c_stride;
  float low, high;  // min(max(acc, low), high)
};

/// Panels hold nr columns, the last one its columns rounded up to whole vectors of `lanes`. Within
/// a panel: codes [depth / (32 / bits)][column], the codes of one column in the low bits first; the
/// depth is padded to whole words. Scales and zero points [block][column].
struct GemmF32WqKernel {
  std::string_view name;
  Isa needs;
  int bits;
  int mr, nr, lanes;
  void (*run)(const GemmF32WqArgs& args) noexcept;

  /// Columns of the panel whose first column is `first`, padding included.
  int panel_width(int n, int first) const;
  std::size_t panel_words(int depth) const;  ///< per column
  /// Words of all panels.
  std::size_t packed_words(int depth, int n) const;
  /// Scales, or zero points, of all panels.
  std::size_t packed_parameters(int blocks, int n) const;
};

/// Packs one panel of `columns` columns, `width` with padding: codes [columns][depth] -> packed,
/// which is zero-filled.
void pack_wq_codes(const GemmF32WqKernel& kernel, int depth, int columns, int width,
                   const std::uint8_t* codes, std::uint32_t* packed);

/// All of them, per number of bits the fastest first and the reference last, which needs nothing.
std::span<const GemmF32WqKernel> gemm_f32_wq_kernels();
/// `bits`: 4 or 8.
const GemmF32WqKernel& select_gemm_f32_wq(Isa have, int bits);

}  // namespace octet
