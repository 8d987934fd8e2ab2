#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_f32/gemm_f32_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = 16;
constexpr int kNr = kF32Avx512Layout.nr;

/// The lanes of vector v that are columns.
inline __mmask16 live_lanes(int columns, int v) noexcept {
  const int live = columns - v * kLanes < kLanes ? columns - v * kLanes : kLanes;
  return static_cast<__mmask16>((1u << live) - 1u);
}

/// Clamps one row and stores its first `columns` from column j on.
template <int kVectors>
inline void store(const GemmF32Args& g, int row, int j, int columns,
                  const __m512 (&acc)[kVectors]) noexcept {
  const __m512 low = _mm512_set1_ps(g.low);
  const __m512 high = _mm512_set1_ps(g.high);
  float* c = g.c + row * g.c_stride + j;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    // The limits are the first operands: maxps and minps return the second one for NaN.
    _mm512_mask_storeu_ps(c + v * kLanes, live_lanes(columns, v),
                          _mm512_min_ps(high, _mm512_max_ps(low, acc[v])));
  }
}

template <int kRows, int kVectors>
void tile(const GemmF32Args& g, const float* b, int j, int columns) noexcept {
  __m512 acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m512 bias = _mm512_loadu_ps(g.bias + j + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
  }
  if (g.continues) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        acc[r][v] =
            _mm512_maskz_loadu_ps(live_lanes(columns, v), g.c + r * g.c_stride + j + v * kLanes);
      }
    }
  }
  const float* const* rows = g.a;
  for (int t = 0; t < g.taps; ++t, rows += kRows) {
    const float* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows[r];
    for (std::ptrdiff_t c = 0; c < g.channels; ++c) {
      __m512 weight[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) weight[v] = _mm512_loadu_ps(b + v * kLanes);
      b += kVectors * kLanes;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512 x = _mm512_set1_ps(a[r][c]);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = _mm512_fmadd_ps(x, weight[v], acc[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) store(g, r, j, columns, acc[r]);
}

using Tile = void (*)(const GemmF32Args&, const float*, int, int) noexcept;
constexpr Tile kTiles[kF32Avx512Mr][kNr / kLanes] = {
    {tile<1, 1>, tile<1, 2>, tile<1, 3>}, {tile<2, 1>, tile<2, 2>, tile<2, 3>},
    {tile<3, 1>, tile<3, 2>, tile<3, 3>}, {tile<4, 1>, tile<4, 2>, tile<4, 3>},
    {tile<5, 1>, tile<5, 2>, tile<5, 3>}, {tile<6, 1>, tile<6, 2>, tile<6, 3>},
    {tile<7, 1>, tile<7, 2>, tile<7, 3>}, {tile<8, 1>, tile<8, 2>, tile<8, 3>},
};

}  // namespace

void gemm_f32_avx512(const GemmF32Args& g) noexcept {
  const std::ptrdiff_t depth = static_cast<std::ptrdiff_t>(g.taps) * g.channels;
  for (int j = 0; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    kTiles[g.rows - 1][(columns - 1) / kLanes](g, g.weights + j * depth, j, columns);
  }
}

}  // namespace octet
