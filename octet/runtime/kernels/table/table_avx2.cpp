#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/table/table.h"

namespace octet {
namespace {

/// vpshufb looks up 16 entries by the low four bits and gives 0 where the index is negative. So
/// with x = index - 16 * row, entry rows stored as differences (row i xor row i - 1) and the
/// saturating subtraction that keeps negative negative, the xor over all rows leaves just the row
/// of the index. Each half of the table needs its own chain, as 128 and above are negative.
__m256i lookup_half(__m256i index, const __m256i* row_differences) {
  const __m256i row_length = _mm256_set1_epi8(16);
  __m256i entry = _mm256_shuffle_epi8(row_differences[0], index);
  for (int row = 1; row < 8; ++row) {
    index = _mm256_subs_epi8(index, row_length);
    entry = _mm256_xor_si256(entry, _mm256_shuffle_epi8(row_differences[row], index));
  }
  return entry;
}

}  // namespace

void table_avx2(const TableArgs& args) noexcept {
  __m256i row_differences[16];
  __m256i previous = _mm256_setzero_si256();
  for (int row = 0; row < 16; ++row) {
    if (row == 8) previous = _mm256_setzero_si256();
    const __m256i entries = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(args.table + 16 * row)));
    row_differences[row] = _mm256_xor_si256(entries, previous);
    previous = entries;
  }
  const __m256i upper = _mm256_set1_epi8(-128);
  std::int64_t i = 0;
  for (; i + 32 <= args.count; i += 32) {
    const __m256i index = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(args.a + i));
    const __m256i entry =
        _mm256_xor_si256(lookup_half(index, row_differences),
                         lookup_half(_mm256_xor_si256(index, upper), row_differences + 8));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(args.c + i), entry);
  }
  for (; i < args.count; ++i) args.c[i] = args.table[args.a[i]];
}

}  // namespace octet
