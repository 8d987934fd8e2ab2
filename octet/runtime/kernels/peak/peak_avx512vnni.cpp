#include <immintrin.h>

#include "octet/runtime/kernels/peak/peak_loops.h"

namespace octet {

void peak_dpbusd_avx512vnni(std::int64_t iterations) noexcept {
  __m512i sums[kPeakSums] = {};
  const __m512i x = _mm512_set1_epi8(1);
  for (; iterations > 0; --iterations) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) asm volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(x));
  }
}

}  // namespace octet
