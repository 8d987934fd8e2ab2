#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = 16;
constexpr int kGroup = kU8S8VnniLayout.group;
constexpr int kNr = kU8S8VnniLayout.nr;

inline __m512i broadcast_group(const std::uint8_t* a) noexcept {
  std::int32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return _mm512_set1_epi32(group);
}

/// One vector of one row, from column j on; `live` of its lanes are columns.
inline void store(const GemmU8S8Args& g, int row, int j, int live, __m512i acc) noexcept {
  const auto mask = static_cast<__mmask16>((1u << live) - 1u);
  if (g.acc != nullptr) {
    _mm512_mask_storeu_epi32(g.acc + row * g.acc_stride + j, mask, acc);
    return;
  }
  const __m512 low = _mm512_set1_ps(static_cast<float>(g.q_low - g.c_zero));
  const __m512 high = _mm512_set1_ps(static_cast<float>(g.q_high - g.c_zero));
  __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(g.multiplier + j));
  // Clamped before the conversion: beyond int32 it would give INT_MIN.
  value = _mm512_min_ps(_mm512_max_ps(value, low), high);
  const __m512i code = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(g.c_zero));
  const __m128i bytes = _mm512_cvtepi32_epi8(code);
  std::uint8_t* c = g.c + row * g.c_stride + j;
  if (live == kLanes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(c), bytes);
  } else {
    _mm_mask_storeu_epi8(c, mask, bytes);
  }
}

template <int kRows, int kVectors>
void tile(const GemmU8S8Args& g, const std::int8_t* b, int j, int columns) noexcept {
  __m512i acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m512i bias = _mm512_loadu_si512(g.bias + j + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
  }
  const std::uint8_t* const* rows = g.a;
  for (int t = 0; t < g.taps; ++t, rows += kRows) {
    const std::uint8_t* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows[r];
    for (std::ptrdiff_t c = 0; c < g.channels; c += kGroup) {
      __m512i weight[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) weight[v] = _mm512_loadu_si512(b + v * kLanes * kGroup);
      b += kVectors * kLanes * kGroup;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512i x = broadcast_group(a[r] + c);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) {
          acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], x, weight[v]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const int live = columns - v * kLanes < kLanes ? columns - v * kLanes : kLanes;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) store(g, r, j + v * kLanes, live, acc[r][v]);
  }
}

using Tile = void (*)(const GemmU8S8Args&, const std::int8_t*, int, int) noexcept;
constexpr Tile kTiles[kU8S8VnniMr][kNr / kLanes] = {
    {tile<1, 1>, tile<1, 2>}, {tile<2, 1>, tile<2, 2>}, {tile<3, 1>, tile<3, 2>},
    {tile<4, 1>, tile<4, 2>}, {tile<5, 1>, tile<5, 2>}, {tile<6, 1>, tile<6, 2>},
    {tile<7, 1>, tile<7, 2>}, {tile<8, 1>, tile<8, 2>},
};

}  // namespace

void gemm_u8s8_avx512vnni(const GemmU8S8Args& g) noexcept {
  const auto* b = static_cast<const std::int8_t*>(g.weights);
  const std::ptrdiff_t depth =
      static_cast<std::ptrdiff_t>(g.taps) * ((g.channels + kGroup - 1) / kGroup * kGroup);
  for (int j = 0; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    kTiles[g.rows - 1][(columns - 1) / kLanes](g, b + j * depth, j, columns);
  }
}

}  // namespace octet
