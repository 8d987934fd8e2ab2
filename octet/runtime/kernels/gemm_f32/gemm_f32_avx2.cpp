#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_f32/gemm_f32_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = 8;
constexpr int kNr = kF32Avx2Layout.nr;

/// The first `columns` of kVectors * kLanes floats.
template <int kVectors>
inline void store(float* c, int columns, const __m256 (&values)[kVectors]) noexcept {
  alignas(32) float buffer[kVectors * kLanes];
  const bool whole = columns == kVectors * kLanes;
  float* dst = whole ? c : buffer;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) _mm256_storeu_ps(dst + v * kLanes, values[v]);
  for (int i = 0; !whole && i < columns; ++i) c[i] = buffer[i];
}

template <int kRows, int kVectors>
void tile(const GemmF32Args& g, const float* b, int j, int columns) noexcept {
  __m256 acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m256 bias = _mm256_loadu_ps(g.bias + j + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
  }
  const float* const* rows = g.a;
  for (int t = 0; t < g.taps; ++t, rows += kRows) {
    const float* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows[r];
    for (std::ptrdiff_t c = 0; c < g.channels; ++c) {
      __m256 weight[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) weight[v] = _mm256_loadu_ps(b + v * kLanes);
      b += kVectors * kLanes;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m256 x = _mm256_set1_ps(a[r][c]);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = _mm256_fmadd_ps(x, weight[v], acc[r][v]);
      }
    }
  }
  // The limits are the first operands: maxps and minps return the second one for NaN.
  const __m256 low = _mm256_set1_ps(g.low);
  const __m256 high = _mm256_set1_ps(g.high);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      acc[r][v] = _mm256_min_ps(high, _mm256_max_ps(low, acc[r][v]));
    }
    store<kVectors>(g.c + r * g.c_stride + j, columns, acc[r]);
  }
}

using Tile = void (*)(const GemmF32Args&, const float*, int, int) noexcept;
constexpr Tile kTiles[kF32Avx2Mr][kNr / kLanes] = {
    {tile<1, 1>, tile<1, 2>}, {tile<2, 1>, tile<2, 2>}, {tile<3, 1>, tile<3, 2>},
    {tile<4, 1>, tile<4, 2>}, {tile<5, 1>, tile<5, 2>}, {tile<6, 1>, tile<6, 2>},
};

}  // namespace

void gemm_f32_avx2(const GemmF32Args& g) noexcept {
  const std::ptrdiff_t depth = static_cast<std::ptrdiff_t>(g.taps) * g.channels;
  for (int j = 0; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    kTiles[g.rows - 1][(columns - 1) / kLanes](g, g.weights + j * depth, j, columns);
  }
}

}  // namespace octet
