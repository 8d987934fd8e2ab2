#include <immintrin.h>

#include "octet/runtime/kernels/peak/peak_loops.h"

namespace octet {

void peak_fma_avx512(std::int64_t iterations) noexcept {
  __m512 sums[kPeakSums] = {};
  const __m512 x = _mm512_set1_ps(1.0f);
  for (; iterations > 0; --iterations) {
#pragma GCC unroll 16
    for (__m512& sum : sums) asm volatile("vfmadd231ps %1, %1, %0" : "+v"(sum) : "v"(x));
  }
}

void peak_maddwd_avx512(std::int64_t iterations) noexcept {
  __m512i sums[kPeakSums] = {};
  const __m512i x = _mm512_set1_epi16(1);
  for (; iterations > 0; --iterations) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) {
      __m512i products;
      asm volatile(
          "vpmaddwd %2, %2, %1\n\t"
          "vpaddd %1, %0, %0"
          : "+v"(sum), "=&v"(products)
          : "v"(x));
    }
  }
}

}  // namespace octet
