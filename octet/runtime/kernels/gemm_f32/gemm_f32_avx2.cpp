#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_f32/gemm_f32_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = 8;
constexpr int kNr = kF32Avx2Layout.nr;

/// Clamps one row and stores its first `columns` from column j on.
template <int kVectors>
inline void store(const GemmF32Args& g, int row, int j, int columns,
                  const __m256 (&acc)[kVectors]) noexcept {
  const __m256 low = _mm256_set1_ps(g.low);
  const __m256 high = _mm256_set1_ps(g.high);
  float* c = g.c + row * g.c_stride + j;
  alignas(32) float buffer[kVectors * kLanes];
  const bool whole = columns == kVectors * kLanes;
  float* dst = whole ? c : buffer;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    // The limits are the first operands: maxps and minps return the second one for NaN.
    _mm256_storeu_ps(dst + v * kLanes, _mm256_min_ps(high, _mm256_max_ps(low, acc[v])));
  }
  for (int i = 0; !whole && i < columns; ++i) c[i] = buffer[i];
}

/// The first `columns` sums of one row from column j on, to go on from.
template <int kVectors>
inline void load(const GemmF32Args& g, int row, int j, int columns,
                 __m256 (&acc)[kVectors]) noexcept {
  const float* c = g.c + row * g.c_stride + j;
  alignas(32) float buffer[kVectors * kLanes] = {};
  const bool whole = columns == kVectors * kLanes;
  for (int i = 0; !whole && i < columns; ++i) buffer[i] = c[i];
  const float* source = whole ? c : buffer;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) acc[v] = _mm256_loadu_ps(source + v * kLanes);
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
  if (g.continues) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) load(g, r, j, columns, acc[r]);
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
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) store(g, r, j, columns, acc[r]);
}

/// One row has few sums in flight: several whole panels at once hide the latency of the chains.
template <int kPanels>
void row_tile(const GemmF32Args& g, const float* b, int j) noexcept {
  constexpr int kVectors = kNr / kLanes;
  const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(g.taps) * g.channels * kNr;
  __m256 acc[kPanels][kVectors];
#pragma GCC unroll 16
  for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      acc[p][v] = _mm256_loadu_ps((g.continues ? g.c : g.bias) + j + p * kNr + v * kLanes);
    }
  }
  for (int t = 0; t < g.taps; ++t) {
    const float* a = g.a[t];
    for (std::ptrdiff_t c = 0; c < g.channels; ++c, b += kNr) {
      const __m256 x = _mm256_set1_ps(a[c]);
#pragma GCC unroll 16
      for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) {
          acc[p][v] = _mm256_fmadd_ps(x, _mm256_loadu_ps(b + p * panel + v * kLanes), acc[p][v]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < kPanels; ++p) store(g, 0, j + p * kNr, kNr, acc[p]);
}

using Tile = void (*)(const GemmF32Args&, const float*, int, int) noexcept;
constexpr Tile kTiles[kF32Avx2Mr][kNr / kLanes] = {
    {tile<1, 1>, tile<1, 2>}, {tile<2, 1>, tile<2, 2>}, {tile<3, 1>, tile<3, 2>},
    {tile<4, 1>, tile<4, 2>}, {tile<5, 1>, tile<5, 2>}, {tile<6, 1>, tile<6, 2>},
};

using RowTile = void (*)(const GemmF32Args&, const float*, int) noexcept;
constexpr RowTile kRowTiles[] = {row_tile<1>, row_tile<2>, row_tile<3>,
                                 row_tile<4>, row_tile<5>, row_tile<6>};
constexpr int kMaxPanels = sizeof(kRowTiles) / sizeof(kRowTiles[0]);

}  // namespace

void gemm_f32_avx2(const GemmF32Args& g) noexcept {
  const std::ptrdiff_t depth = static_cast<std::ptrdiff_t>(g.taps) * g.channels;
  int j = 0;
  while (g.rows == 1 && g.n - j >= kNr) {
    const int whole = (g.n - j) / kNr;
    const int panels = whole < kMaxPanels ? whole : kMaxPanels;
    kRowTiles[panels - 1](g, g.weights + j * depth, j);
    j += panels * kNr;
  }
  for (; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    kTiles[g.rows - 1][(columns - 1) / kLanes](g, g.weights + j * depth, j, columns);
  }
}

}  // namespace octet
