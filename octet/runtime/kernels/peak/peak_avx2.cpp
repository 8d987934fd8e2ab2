#include <immintrin.h>

#include "octet/runtime/kernels/peak/peak_loops.h"

// Assembly, because a compiler rightly removes sums that nobody reads.

namespace octet {
namespace {

/// kRun products of pairs, added in int16, are widened together.
template <int kRun>
inline void maddubs_runs(std::int64_t iterations) noexcept {
  __m256i sums[kPeakSums] = {};
  const __m256i x = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  for (; iterations > 0; --iterations) {
#pragma GCC unroll 16
    for (__m256i& sum : sums) {
      __m256i run, products;
      asm volatile("vpmaddubsw %1, %1, %0" : "=x"(run) : "x"(x));
#pragma GCC unroll 16
      for (int i = 1; i < kRun; ++i) {
        asm volatile(
            "vpmaddubsw %2, %2, %1\n\t"
            "vpaddw %1, %0, %0"
            : "+x"(run), "=&x"(products)
            : "x"(x));
      }
      asm volatile(
          "vpmaddwd %2, %1, %1\n\t"
          "vpaddd %1, %0, %0"
          : "+x"(sum), "+x"(run)
          : "x"(ones));
    }
  }
}

}  // namespace

void peak_fma_avx2(std::int64_t iterations) noexcept {
  __m256 sums[kPeakSums] = {};
  const __m256 x = _mm256_set1_ps(1.0f);
  for (; iterations > 0; --iterations) {
#pragma GCC unroll 16
    for (__m256& sum : sums) asm volatile("vfmadd231ps %1, %1, %0" : "+x"(sum) : "x"(x));
  }
}

void peak_maddubs_avx2(std::int64_t iterations) noexcept { maddubs_runs<1>(iterations); }
void peak_maddubs_x2_avx2(std::int64_t iterations) noexcept { maddubs_runs<2>(iterations); }

void peak_maddwd_avx2(std::int64_t iterations) noexcept {
  __m256i sums[kPeakSums] = {};
  const __m256i x = _mm256_set1_epi16(1);
  for (; iterations > 0; --iterations) {
#pragma GCC unroll 16
    for (__m256i& sum : sums) {
      __m256i products;
      asm volatile(
          "vpmaddwd %2, %2, %1\n\t"
          "vpaddd %1, %0, %0"
          : "+x"(sum), "=&x"(products)
          : "x"(x));
    }
  }
}

}  // namespace octet
