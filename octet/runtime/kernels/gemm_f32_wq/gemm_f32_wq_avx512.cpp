#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = kWqAvx512Lanes;
constexpr int kNr = kWqAvx512Nr;
constexpr int kOrOfAnd = 0xea;  // (a & b) | c, for vpternlog

/// Where the kernel is in one panel.
struct Panel {
  const std::uint32_t* codes;
  const float* scale;
  const std::uint8_t* zero;
};

/// Clamps one row and stores its first `columns` from column j on.
template <int kVectors>
inline void store(const GemmF32WqArgs& g, int row, int j, int columns,
                  const __m512 (&acc)[kVectors]) noexcept {
  const __m512 low = _mm512_set1_ps(g.low);
  const __m512 high = _mm512_set1_ps(g.high);
  float* c = g.c + row * g.c_stride + j;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const int live = columns - v * kLanes < kLanes ? columns - v * kLanes : kLanes;
    // The limits are the first operands: maxps and minps return the second one for NaN.
    _mm512_mask_storeu_ps(c + v * kLanes, static_cast<__mmask16>((1u << live) - 1u),
                          _mm512_min_ps(high, _mm512_max_ps(low, acc[v])));
  }
}

/// The parameters of one block of a panel.
template <int kVectors>
struct Block {
  __m512 scale[kVectors];
  __m512 zero[kVectors];  // only where zero points differ
};

template <int kVectors, bool kZeros>
[[gnu::always_inline]] inline Block<kVectors> load_block(Panel& p) noexcept {
  Block<kVectors> block;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    block.scale[v] = _mm512_loadu_ps(p.scale + v * kLanes);
    block.zero[v] = kZeros ? _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(
                                 reinterpret_cast<const __m128i*>(p.zero + v * kLanes))))
                           : _mm512_setzero_ps();
  }
  p.scale += kVectors * kLanes;
  if (kZeros) p.zero += kVectors * kLanes;
  return block;
}

/// One step of the depth: code `kIndex` of every word, times column k of `a`.
template <int kBits, int kIndex, int kRows, int kVectors, bool kZeros>
[[gnu::always_inline]] inline void step(const __m512i (&words)[kVectors],
                                        const Block<kVectors>& block, float common,
                                        const float* const (&a)[kRows], std::ptrdiff_t k,
                                        __m512 (&acc)[kRows][kVectors]) noexcept {
  const __m512i mask = _mm512_set1_epi32(static_cast<int>(wq_mask<kBits>(kIndex)));
  const __m512i base = _mm512_set1_epi32(static_cast<int>(wq_base_bits<kBits>(kIndex)));
  const __m512 subtrahend = _mm512_set1_ps(static_cast<float>(wq_base<kBits>(kIndex)) + common);
  __m512 weight[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m512i bits = _mm512_ternarylogic_epi32(words[v], mask, base, kOrOfAnd);
    __m512 code = _mm512_sub_ps(_mm512_castsi512_ps(bits), subtrahend);
    if (kZeros) code = _mm512_sub_ps(code, block.zero[v]);
    weight[v] = _mm512_mul_ps(code, block.scale[v]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const __m512 x = _mm512_set1_ps(a[r][k]);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = _mm512_fmadd_ps(x, weight[v], acc[r][v]);
  }
}

/// The steps kIndex .. of one word, as many as `count` says.
template <int kBits, int kIndex, int kRows, int kVectors, bool kZeros>
[[gnu::always_inline]] inline void steps(__m512i (&words)[kVectors], const Block<kVectors>& block,
                                         float common, const float* const (&a)[kRows],
                                         std::ptrdiff_t k, int count,
                                         __m512 (&acc)[kRows][kVectors]) noexcept {
  if constexpr (kIndex < kWqPerWord<kBits>) {
    if (kIndex >= count) return;
    if constexpr (kIndex == kWqDirect<kBits>) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        words[v] = _mm512_srli_epi32(words[v], kBits * kWqShifted<kBits>);
      }
    }
    step<kBits, kIndex, kRows, kVectors, kZeros>(words, block, common, a, k + kIndex, acc);
    steps<kBits, kIndex + 1, kRows, kVectors, kZeros>(words, block, common, a, k, count, acc);
  }
}

template <int kBits, int kRows, int kVectors, bool kZeros>
void tile(const GemmF32WqArgs& g, Panel p, int j, int columns) noexcept {
  constexpr int kPerWord = kWqPerWord<kBits>;
  const float common = kZeros ? 0.0f : static_cast<float>(g.common_zero);
  const float* a[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) a[r] = g.a[r];
  __m512 acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m512 bias = _mm512_loadu_ps(g.bias + j + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
  }
  for (std::ptrdiff_t first = 0; first < g.depth; first += g.block) {
    const Block<kVectors> block = load_block<kVectors, kZeros>(p);
    const std::ptrdiff_t end = g.depth - first < g.block ? g.depth : first + g.block;
    for (std::ptrdiff_t k = first; k < end; k += kPerWord) {
      __m512i words[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) words[v] = _mm512_loadu_si512(p.codes + v * kLanes);
      p.codes += kVectors * kLanes;
      if (end - k >= kPerWord) {
        steps<kBits, 0, kRows, kVectors, kZeros>(words, block, common, a, k, kPerWord, acc);
      } else {
        steps<kBits, 0, kRows, kVectors, kZeros>(words, block, common, a, k,
                                                 static_cast<int>(end - k), acc);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) store(g, r, j, columns, acc[r]);
}

using Tile = void (*)(const GemmF32WqArgs&, Panel, int, int) noexcept;
template <int kBits, bool kZeros, int kRows>
constexpr Tile kTilesOfRows[kNr / kLanes] = {
    tile<kBits, kRows, 1, kZeros>, tile<kBits, kRows, 2, kZeros>, tile<kBits, kRows, 3, kZeros>};
template <int kBits, bool kZeros>
constexpr const Tile* kTiles[kWqAvx512Mr] = {
    kTilesOfRows<kBits, kZeros, 1>, kTilesOfRows<kBits, kZeros, 2>, kTilesOfRows<kBits, kZeros, 3>,
    kTilesOfRows<kBits, kZeros, 4>, kTilesOfRows<kBits, kZeros, 5>, kTilesOfRows<kBits, kZeros, 6>,
    kTilesOfRows<kBits, kZeros, 7>, kTilesOfRows<kBits, kZeros, 8>};

template <int kBits>
void gemm(const GemmF32WqArgs& g) noexcept {
  const std::ptrdiff_t words = (g.depth + kWqPerWord<kBits> - 1) / kWqPerWord<kBits>;
  const std::ptrdiff_t blocks = (g.depth - 1) / g.block + 1;
  const Tile* tiles =
      g.zero != nullptr ? kTiles<kBits, true>[g.rows - 1] : kTiles<kBits, false>[g.rows - 1];
  for (int j = 0; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    const Panel panel{g.codes + j * words, g.scale + j * blocks,
                      g.zero != nullptr ? g.zero + j * blocks : nullptr};
    tiles[(columns - 1) / kLanes](g, panel, j, columns);
  }
}

}  // namespace

void gemm_f32_w4_avx512(const GemmF32WqArgs& g) noexcept { gemm<4>(g); }
void gemm_f32_w8_avx512(const GemmF32WqArgs& g) noexcept { gemm<8>(g); }

}  // namespace octet
