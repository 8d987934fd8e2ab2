#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

// Indirect GEMM of uint8 activations and int8 weights (Dukhan 2019, arXiv:1907.02129): the rows of
// A are given by pointers, one per kernel position ("tap") and output pixel, so that a convolution
// of any stride, padding and dilation is a matrix product without an im2col copy. A padded position
// points at a row of zero points. A linear layer is the case of one tap.
//
//   acc[r][j] = bias[j] + row_bias[r] + sum over t < taps, c < channels of a[t * rows + r][c] *
//   w[j][t][c]
//
// accumulated in int32, exactly: no kernel here saturates (numerics clause 4).

namespace octet {

struct GemmU8S8Args {
  int rows;      // 1..mr
  int taps;      // >= 1
  int channels;  // bytes at each pointer; K = taps * channels. 64 more bytes are readable.
  int n;         // output columns, >= 1
  const std::uint8_t* const* a;  // [taps][rows]
  const void* weights;           // as written by this kernel's pack(), 64-byte aligned
  const std::int32_t* bias;      // [n padded to nr]; already holds -a_zero * column_sum(w)

  // Requantized output (numerics clauses 5 and 7), used if `acc` is null:
  //   c = clamp(round_half_even(float(acc) * multiplier[j]), q_low - c_zero, q_high - c_zero)
  //       + c_zero
  const float* multiplier;  // [n padded to nr]
  std::uint8_t* c;          // row r begins at c + r * c_stride; exactly n bytes are written
  std::ptrdiff_t c_stride;
  std::int32_t c_zero;
  std::int32_t q_low, q_high;  // 0 <= q_low <= q_high <= 255

  // Raw sums instead, if not null: row r begins at acc + r * acc_stride (elements).
  std::int32_t* acc;
  std::ptrdiff_t acc_stride;

  // [rows], or null for zeros: -b_zero * row_sum(a) where B is no weight but an activation.
  const std::int32_t* row_bias = nullptr;

  std::byte* scratch;  // scratch_bytes(taps, channels) of this kernel, 64-byte aligned
};

struct GemmU8S8Kernel {
  std::string_view name;
  Isa needs;
  int mr;  // rows of a tile
  int nr;  // columns of a panel; bias and multiplier are padded to a multiple of it
  /// Groups of four channels of a tap whose products are added in int16 before they are widened:
  /// the smaller the weights, the more.
  int run_length;
  /// Whether the kernel is exact for these weights [n][k], k = taps * channels as packed.
  /// Null: for all weights. (vpmaddubsw adds adjacent products in int16; see clause 4.)
  bool (*exact_for)(int taps, int channels, int n, const std::int8_t* weights);
  std::size_t (*packed_bytes)(int taps, int channels, int n);
  /// weights [n][taps][channels] row-major -> packed. The destination is zero-filled.
  void (*pack)(int taps, int channels, int n, const std::int8_t* weights, void* packed);
  std::size_t (*scratch_bytes)(int taps, int channels);
  void (*run)(const GemmU8S8Args& args) noexcept;
};

/// Fastest first; the reference is last, needs nothing and is exact for all weights.
std::span<const GemmU8S8Kernel> gemm_u8s8_kernels();
/// The first kernel that this machine has and that is exact for all weights: for a matrix that only
/// the run will tell.
const GemmU8S8Kernel& select_gemm_u8s8(Isa have);
/// The first kernel that this machine has and that is exact for these weights.
const GemmU8S8Kernel& select_gemm_u8s8(Isa have, int taps, int channels, int n,
                                       const std::int8_t* weights);

}  // namespace octet
