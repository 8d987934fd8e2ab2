#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq_tiles.h"

namespace octet {
namespace {

constexpr int kLanes = kWqAvx2Lanes;
constexpr int kNr = kWqAvx2Nr;

/// One or more panels of `kWidth` columns each, `words` and `blocks` rows of them apart.
struct Panels {
  const std::uint32_t* codes;
  const float* scale;
  const std::uint8_t* zero;
  std::ptrdiff_t code_stride, parameter_stride;
};

/// Clamps one row and stores `columns` of its columns from column j on.
template <int kVectors>
inline void store(const GemmF32WqArgs& g, int row, int j, int columns, const __m256* acc) noexcept {
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

/// The parameters of one block; kAll vectors are those of all panels.
template <int kAll>
struct Block {
  __m256 scale[kAll];
  __m256 zero[kAll];  // only where zero points differ
};

template <int kPanels, int kVectors, bool kZeros>
[[gnu::always_inline]] inline Block<kPanels * kVectors> load_block(Panels& p) noexcept {
  Block<kPanels * kVectors> block;
#pragma GCC unroll 16
  for (int q = 0; q < kPanels; ++q) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const std::ptrdiff_t at = q * p.parameter_stride + v * kLanes;
      block.scale[q * kVectors + v] = _mm256_loadu_ps(p.scale + at);
      block.zero[q * kVectors + v] =
          kZeros ? _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(
                       _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p.zero + at))))
                 : _mm256_setzero_ps();
    }
  }
  p.scale += kVectors * kLanes;
  if (kZeros) p.zero += kVectors * kLanes;
  return block;
}

/// One step of the depth: code `kIndex` of every word, times column k of `a`.
template <int kBits, int kIndex, int kRows, int kAll, bool kZeros>
[[gnu::always_inline]] inline void step(const __m256i (&words)[kAll], const Block<kAll>& block,
                                        float common, const float* const (&a)[kRows],
                                        std::ptrdiff_t k, __m256 (&acc)[kRows][kAll]) noexcept {
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(wq_mask<kBits>(kIndex)));
  const __m256i base = _mm256_set1_epi32(static_cast<int>(wq_base_bits<kBits>(kIndex)));
  const __m256 subtrahend = _mm256_set1_ps(static_cast<float>(wq_base<kBits>(kIndex)) + common);
  __m256 weight[kAll];
#pragma GCC unroll 16
  for (int v = 0; v < kAll; ++v) {
    const __m256i bits = _mm256_or_si256(_mm256_and_si256(words[v], mask), base);
    __m256 code = _mm256_sub_ps(_mm256_castsi256_ps(bits), subtrahend);
    if (kZeros) code = _mm256_sub_ps(code, block.zero[v]);
    weight[v] = _mm256_mul_ps(code, block.scale[v]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const __m256 x = _mm256_set1_ps(a[r][k]);
#pragma GCC unroll 16
    for (int v = 0; v < kAll; ++v) acc[r][v] = _mm256_fmadd_ps(x, weight[v], acc[r][v]);
  }
}

/// The steps kIndex .. of one word, as many as `count` says.
template <int kBits, int kIndex, int kRows, int kAll, bool kZeros>
[[gnu::always_inline]] inline void steps(__m256i (&words)[kAll], const Block<kAll>& block,
                                         float common, const float* const (&a)[kRows],
                                         std::ptrdiff_t k, int count,
                                         __m256 (&acc)[kRows][kAll]) noexcept {
  if constexpr (kIndex < kWqPerWord<kBits>) {
    if (kIndex >= count) return;
    if constexpr (kIndex == kWqDirect<kBits>) {
#pragma GCC unroll 16
      for (int v = 0; v < kAll; ++v) {
        words[v] = _mm256_srli_epi32(words[v], kBits * kWqShifted<kBits>);
      }
    }
    step<kBits, kIndex, kRows, kAll, kZeros>(words, block, common, a, k + kIndex, acc);
    steps<kBits, kIndex + 1, kRows, kAll, kZeros>(words, block, common, a, k, count, acc);
  }
}

template <int kBits, bool kZeros, int kRows, int kPanels, int kVectors>
void tile(const GemmF32WqArgs& g, Panels p, int j, int columns) noexcept {
  constexpr int kPerWord = kWqPerWord<kBits>;
  constexpr int kAll = kPanels * kVectors;
  const float common = kZeros ? 0.0f : static_cast<float>(g.common_zero);
  const float* a[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) a[r] = g.a[r];
  __m256 acc[kRows][kAll];
#pragma GCC unroll 16
  for (int v = 0; v < kAll; ++v) {
    const __m256 bias = _mm256_loadu_ps(g.bias + j + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
  }
  for (std::ptrdiff_t first = 0; first < g.depth; first += g.block) {
    const Block<kAll> block = load_block<kPanels, kVectors, kZeros>(p);
    const std::ptrdiff_t end = g.depth - first < g.block ? g.depth : first + g.block;
    for (std::ptrdiff_t k = first; k < end; k += kPerWord) {
      __m256i words[kAll];
#pragma GCC unroll 16
      for (int q = 0; q < kPanels; ++q) {
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) {
          words[q * kVectors + v] = _mm256_loadu_si256(
              reinterpret_cast<const __m256i*>(p.codes + q * p.code_stride + v * kLanes));
        }
      }
      p.codes += kVectors * kLanes;
      if (end - k >= kPerWord) {
        steps<kBits, 0, kRows, kAll, kZeros>(words, block, common, a, k, kPerWord, acc);
      } else {
        steps<kBits, 0, kRows, kAll, kZeros>(words, block, common, a, k, static_cast<int>(end - k),
                                             acc);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) store<kAll>(g, r, j, columns, acc[r]);
}

using Tile = void (*)(const GemmF32WqArgs&, Panels, int, int) noexcept;
template <int kBits, bool kZeros>
constexpr Tile kTiles[kWqAvx2Mr][kNr / kLanes] = {
    {tile<kBits, kZeros, 1, 1, 1>, tile<kBits, kZeros, 1, 1, 2>},
    {tile<kBits, kZeros, 2, 1, 1>, tile<kBits, kZeros, 2, 1, 2>},
    {tile<kBits, kZeros, 3, 1, 1>, tile<kBits, kZeros, 3, 1, 2>},
    {tile<kBits, kZeros, 4, 1, 1>, tile<kBits, kZeros, 4, 1, 2>},
};

/// One row has few sums in flight: several whole panels at once hide the latency of the chains.
template <int kBits, bool kZeros>
constexpr Tile kRowTiles[] = {tile<kBits, kZeros, 1, 1, 2>, tile<kBits, kZeros, 1, 2, 2>,
                              tile<kBits, kZeros, 1, 3, 2>};
constexpr int kMaxPanels = 3;

template <int kBits, bool kZeros>
void gemm(const GemmF32WqArgs& g) noexcept {
  const std::ptrdiff_t words = (g.depth + kWqPerWord<kBits> - 1) / kWqPerWord<kBits>;
  const std::ptrdiff_t blocks = (g.depth - 1) / g.block + 1;
  const auto panels_at = [&](int j) {
    return Panels{g.codes + j * words, g.scale + j * blocks, kZeros ? g.zero + j * blocks : nullptr,
                  kNr * words, kNr * blocks};
  };
  int j = 0;
  while (g.rows == 1 && g.n - j >= kNr) {
    const int whole = (g.n - j) / kNr;
    const int panels = whole < kMaxPanels ? whole : kMaxPanels;
    kRowTiles<kBits, kZeros>[panels - 1](g, panels_at(j), j, panels * kNr);
    j += panels * kNr;
  }
  for (; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    kTiles<kBits, kZeros>[g.rows - 1][(columns - 1) / kLanes](g, panels_at(j), j, columns);
  }
}

template <int kBits>
void gemm(const GemmF32WqArgs& g) noexcept {
  g.zero != nullptr ? gemm<kBits, true>(g) : gemm<kBits, false>(g);
}

}  // namespace

void gemm_f32_w4_avx2(const GemmF32WqArgs& g) noexcept { gemm<4>(g); }
void gemm_f32_w8_avx2(const GemmF32WqArgs& g) noexcept { gemm<8>(g); }

}  // namespace octet
