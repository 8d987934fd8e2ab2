#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8_tiles.h"

// Two products on one tile loop: vpmaddubsw takes four channels per step but saturates for some
// weights; vpmaddwd takes two, on activations widened to int16, and is exact for all. Of small
// weights two steps of vpmaddubsw fit one int16, so that half as many have to be widened. (Four and
// eight steps, for still smaller weights, gained nothing more where they were tried.)

namespace octet {
namespace {

constexpr int kLanes = 8;
constexpr int kNr = 16;
constexpr int kMr = kU8S8Avx2Mr;
static_assert(kNr == kU8S8MaddubsLayout.nr && kNr == kU8S8MaddwdLayout.nr);

template <int kRunLength>
struct Maddubs {
  static constexpr int kRun = kRunLength;
  static __m256i pairs(__m256i x, __m256i weight) noexcept {
    return _mm256_maddubs_epi16(x, weight);
  }
  static __m256i widened(__m256i acc, __m256i sums) noexcept {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(sums, _mm256_set1_epi16(1)));
  }
  static __m256i dot(__m256i acc, __m256i x, __m256i weight) noexcept {
    return widened(acc, pairs(x, weight));
  }
};

struct Maddwd {
  static constexpr int kRun = 1;
  static __m256i dot(__m256i acc, __m256i x, __m256i weight) noexcept {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(x, weight));
  }
};

inline __m256i broadcast_group(const std::uint8_t* a) noexcept {
  std::int32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return _mm256_set1_epi32(group);
}

/// Requantization of one tile, its constants loaded once: a store of bytes might alias the args.
struct Requantize {
  __m256 low, high;
  __m256i zero;

  explicit Requantize(const GemmU8S8Args& g) noexcept
      : low(_mm256_set1_ps(static_cast<float>(g.q_low - g.c_zero))),
        high(_mm256_set1_ps(static_cast<float>(g.q_high - g.c_zero))),
        zero(_mm256_set1_epi32(g.c_zero)) {}

  __m256i operator()(__m256i acc, __m256 multiplier) const noexcept {
    const __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), multiplier);
    // Clamped before the conversion: beyond int32 it would give INT_MIN.
    const __m256 clamped = _mm256_min_ps(_mm256_max_ps(value, low), high);
    return _mm256_add_epi32(_mm256_cvtps_epi32(clamped), zero);
  }
};

template <int kRows, int kVectors>
inline void store_codes(const GemmU8S8Args& g, int j, int columns,
                        const __m256i (&acc)[kRows][kVectors]) noexcept {
  const Requantize requantize(g);
  std::uint8_t* c = g.c + j;
  const std::ptrdiff_t stride = g.c_stride;
  const __m256 first = _mm256_loadu_ps(g.multiplier + j);
  const __m256 last = _mm256_loadu_ps(g.multiplier + j + (kVectors - 1) * kLanes);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, c += stride) {
    const __m256i low = requantize(acc[r][0], first);
    const __m256i high = kVectors == 1 ? low : requantize(acc[r][kVectors - 1], last);
    // Packing works within halves: words 0-3 8-11 4-7 12-15 are put in order.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (columns == kNr) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(c), bytes);
    } else if (columns == kLanes) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(c), bytes);
    } else {
      alignas(16) std::uint8_t buffer[kNr];
      _mm_store_si128(reinterpret_cast<__m128i*>(buffer), bytes);
      for (int i = 0; i < columns; ++i) c[i] = buffer[i];
    }
  }
}

template <int kRows, int kVectors>
inline void store_sums(const GemmU8S8Args& g, int j, int columns,
                       const __m256i (&acc)[kRows][kVectors]) noexcept {
  for (int r = 0; r < kRows; ++r) {
    std::int32_t* dst = g.acc + r * g.acc_stride + j;
    alignas(32) std::int32_t buffer[kVectors * kLanes];
    for (int v = 0; v < kVectors; ++v) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(buffer) + v, acc[r][v]);
    }
    if (columns == kVectors * kLanes) {
      __builtin_memcpy(dst, buffer, sizeof(buffer));
    } else {
      for (int i = 0; i < columns; ++i) dst[i] = buffer[i];
    }
  }
}

/// Rows of A as the tile reads them: `bytes` behind each of [taps][rows] pointers.
struct Rows {
  const std::uint8_t* const* pointers;
  int taps;
  std::ptrdiff_t bytes;
};

/// The next groups of channels of every row, added in int16 first.
template <typename Product, int kRows, int kVectors>
inline void multiply_run(const std::uint8_t* const (&a)[kRows], std::ptrdiff_t c,
                         const std::uint8_t* b, __m256i (&acc)[kRows][kVectors]) noexcept {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    __m256i sums[kVectors];
#pragma GCC unroll 16
    for (int i = 0; i < Product::kRun; ++i) {
      const __m256i x = broadcast_group(a[r] + c + 4 * i);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const __m256i weight =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b) + i * kVectors + v);
        const __m256i pairs = Product::pairs(x, weight);
        sums[v] = i == 0 ? pairs : _mm256_add_epi16(sums[v], pairs);
      }
    }
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = Product::widened(acc[r][v], sums[v]);
  }
}

template <typename Product, int kRows, int kVectors>
void tile(const GemmU8S8Args& g, Rows rows, const std::uint8_t* b, int j, int columns) noexcept {
  __m256i acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const __m256i bias =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(g.bias + j + v * kLanes));
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
  }
  if (g.row_bias != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const __m256i bias = _mm256_set1_epi32(g.row_bias[r]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = _mm256_add_epi32(acc[r][v], bias);
    }
  }
  for (int t = 0; t < rows.taps; ++t, rows.pointers += kRows) {
    const std::uint8_t* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows.pointers[r];
    std::ptrdiff_t c = 0;
    if constexpr (Product::kRun > 1) {
      constexpr std::ptrdiff_t kBytes = 4 * Product::kRun;
      for (; c + kBytes <= rows.bytes; c += kBytes) {
        multiply_run<Product>(a, c, b, acc);
        b += Product::kRun * kVectors * sizeof(__m256i);
      }
    }
    for (; c < rows.bytes; c += 4) {
      __m256i weight[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        weight[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b) + v);
      }
      b += kVectors * sizeof(__m256i);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m256i x = broadcast_group(a[r] + c);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = Product::dot(acc[r][v], x, weight[v]);
      }
    }
  }
  if (g.acc != nullptr) {
    store_sums(g, j, columns, acc);
  } else {
    store_codes(g, j, columns, acc);
  }
}

using Tile = void (*)(const GemmU8S8Args&, Rows, const std::uint8_t*, int, int) noexcept;

template <typename Product>
void run_panels(const GemmU8S8Args& g, Rows rows) noexcept {
  static constexpr Tile kTiles[kMr][2] = {
      {tile<Product, 1, 1>, tile<Product, 1, 2>}, {tile<Product, 2, 1>, tile<Product, 2, 2>},
      {tile<Product, 3, 1>, tile<Product, 3, 2>}, {tile<Product, 4, 1>, tile<Product, 4, 2>},
      {tile<Product, 5, 1>, tile<Product, 5, 2>}, {tile<Product, 6, 1>, tile<Product, 6, 2>},
  };
  const auto* b = static_cast<const std::uint8_t*>(g.weights);
  const std::ptrdiff_t depth = rows.taps * ((rows.bytes + 3) / 4 * 4);  // bytes of a column
  for (int j = 0; j < g.n; j += kNr) {
    const int columns = g.n - j < kNr ? g.n - j : kNr;
    kTiles[g.rows - 1][columns > kLanes](g, rows, b + j * depth, j, columns);
  }
}

/// One row of A as int16, its taps one after the other, each padded to whole pairs. A store may
/// reach into the next tap, which is written after it.
void widen(const GemmU8S8Args& g, int row, std::int16_t* dst) noexcept {
  for (int t = 0; t < g.taps; ++t) {
    const std::uint8_t* a = g.a[t * g.rows + row];
    for (int c = 0; c < g.channels; c += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + c));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst + c), _mm256_cvtepu8_epi16(bytes));
    }
    dst += (g.channels + 1) / 2 * 2;
  }
}

}  // namespace

void gemm_u8s8_avx2_maddubs(const GemmU8S8Args& g) noexcept {
  run_panels<Maddubs<1>>(g, {.pointers = g.a, .taps = g.taps, .bytes = g.channels});
}
void gemm_u8s8_avx2_maddubs_x2(const GemmU8S8Args& g) noexcept {
  run_panels<Maddubs<2>>(g, {.pointers = g.a, .taps = g.taps, .bytes = g.channels});
}

void gemm_u8s8_avx2_maddwd(const GemmU8S8Args& g) noexcept {
  auto* scratch = reinterpret_cast<std::int16_t*>(g.scratch);
  const std::size_t stride = maddwd_row_elements(g.taps, g.channels);
  const std::uint8_t* rows[kMr];
  for (int r = 0; r < g.rows; ++r) {
    widen(g, r, scratch + r * stride);
    rows[r] = reinterpret_cast<const std::uint8_t*>(scratch + r * stride);
  }
  const std::ptrdiff_t bytes = static_cast<std::ptrdiff_t>(g.taps) * ((g.channels + 1) / 2) * 4;
  run_panels<Maddwd>(g, {.pointers = rows, .taps = 1, .bytes = bytes});
}

}  // namespace octet
