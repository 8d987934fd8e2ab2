#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = 16;
constexpr int kGroup = kU8S8VnniLayout.group;
constexpr int kNr = kU8S8VnniLayout.nr;

/// _mm512_dpbusd_epi32, for which GCC 12 copies the accumulators and spills them.
inline void dpbusd(__m512i& acc, __m512i x, __m512i weight) noexcept {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(weight));
}

inline __m512i broadcast_group(const std::uint8_t* a) noexcept {
  std::int32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return _mm512_set1_epi32(group);
}

/// Requantization of one tile, its constants loaded once: a store of bytes might alias the args.
struct Requantize {
  __m512 low, high;
  __m512i zero;

  explicit Requantize(const GemmU8S8Args& g) noexcept
      : low(_mm512_set1_ps(static_cast<float>(g.q_low - g.c_zero))),
        high(_mm512_set1_ps(static_cast<float>(g.q_high - g.c_zero))),
        zero(_mm512_set1_epi32(g.c_zero)) {}

  __m128i operator()(__m512i acc, __m512 multiplier) const noexcept {
    const __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier);
    // Clamped before the conversion: beyond int32 it would give INT_MIN.
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(value, low), high);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(clamped), zero));
  }
};

/// The lanes of vector v that are columns.
inline __mmask16 live_lanes(int columns, int v) noexcept {
  const int live = columns - v * kLanes < kLanes ? columns - v * kLanes : kLanes;
  return static_cast<__mmask16>((1u << live) - 1u);
}

template <int kRows, int kVectors>
inline void store_codes(const GemmU8S8Args& g, int j, int columns,
                        const __m512i (&acc)[kRows][kVectors]) noexcept {
  const Requantize requantize(g);
  std::uint8_t* const c = g.c + j;
  const std::ptrdiff_t stride = g.c_stride;
  const float* const multipliers = g.multiplier + j;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __mmask16 live = live_lanes(columns, v);
    const __m512 multiplier = _mm512_loadu_ps(multipliers + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      _mm_mask_storeu_epi8(c + r * stride + v * kLanes, live, requantize(acc[r][v], multiplier));
    }
  }
}

template <int kRows, int kVectors>
inline void store_sums(const GemmU8S8Args& g, int j, int columns,
                       const __m512i (&acc)[kRows][kVectors]) noexcept {
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __mmask16 live = live_lanes(columns, v);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      _mm512_mask_storeu_epi32(g.acc + r * g.acc_stride + j + v * kLanes, live, acc[r][v]);
    }
  }
}

/// One group of channels of every row.
template <int kRows, int kVectors>
inline void multiply_group(const std::uint8_t* const (&a)[kRows], std::ptrdiff_t c,
                           const std::int8_t* b, __m512i (&acc)[kRows][kVectors]) noexcept {
  __m512i weight[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) weight[v] = _mm512_loadu_si512(b + v * kLanes * kGroup);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const __m512i x = broadcast_group(a[r] + c);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) dpbusd(acc[r][v], x, weight[v]);
  }
}

template <int kRows, int kVectors>
void tile(const GemmU8S8Args& g, const std::int8_t* b, int j, int columns) noexcept {
  // vpdpbusd has a latency of four and two start per cycle: fewer than eight sums in flight are
  // split over chains. Integer sums do not depend on the order.
  constexpr int kChains = kRows * kVectors >= 8 ? 1 : kRows * kVectors >= 4 ? 2 : 4;
  constexpr std::ptrdiff_t kPanelGroup = kVectors * kLanes * kGroup;
  __m512i acc[kChains][kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m512i bias = _mm512_loadu_si512(g.bias + j + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      acc[0][r][v] = bias;
#pragma GCC unroll 16
      for (int i = 1; i < kChains; ++i) acc[i][r][v] = _mm512_setzero_si512();
    }
  }
  if (g.row_bias != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const __m512i bias = _mm512_set1_epi32(g.row_bias[r]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[0][r][v] = _mm512_add_epi32(acc[0][r][v], bias);
    }
  }
  const std::uint8_t* const* rows = g.a;
  for (int t = 0; t < g.taps; ++t, rows += kRows) {
    const std::uint8_t* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows[r];
    std::ptrdiff_t c = 0;
    if constexpr (kChains > 1) {
      for (; c + kChains * kGroup <= g.channels; c += kChains * kGroup) {
#pragma GCC unroll 16
        for (int i = 0; i < kChains; ++i, b += kPanelGroup) {
          multiply_group(a, c + i * kGroup, b, acc[i]);
        }
      }
    }
    for (; c < g.channels; c += kGroup, b += kPanelGroup) multiply_group(a, c, b, acc[0]);
  }
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        acc[0][r][v] = _mm512_add_epi32(acc[0][r][v], acc[i][r][v]);
      }
    }
  }
  if (g.acc != nullptr) {
    store_sums(g, j, columns, acc[0]);
  } else {
    store_codes(g, j, columns, acc[0]);
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
