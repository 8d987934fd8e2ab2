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
__m512i lookup_half(__m512i index, const __m512i* row_differences) {
  const __m512i row_length = _mm512_set1_epi8(16);
  __m512i entry = _mm512_shuffle_epi8(row_differences[0], index);
  for (int row = 1; row < 8; ++row) {
    index = _mm512_subs_epi8(index, row_length);
    entry = _mm512_xor_si512(entry, _mm512_shuffle_epi8(row_differences[row], index));
  }
  return entry;
}

}  // namespace

void table_avx512(const TableArgs& args) noexcept {
  __m512i row_differences[16];
  __m512i previous = _mm512_setzero_si512();
  for (int row = 0; row < 16; ++row) {
    if (row == 8) previous = _mm512_setzero_si512();
    const __m512i entries = _mm512_broadcast_i32x4(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(args.table + 16 * row)));
    row_differences[row] = _mm512_xor_si512(entries, previous);
    previous = entries;
  }
  const __m512i upper = _mm512_set1_epi8(-128);
  std::int64_t i = 0;
  for (; i + 64 <= args.count; i += 64) {
    const __m512i index = _mm512_loadu_si512(reinterpret_cast<const __m512i*>(args.a + i));
    const __m512i entry =
        _mm512_xor_si512(lookup_half(index, row_differences),
                         lookup_half(_mm512_xor_si512(index, upper), row_differences + 8));
    _mm512_storeu_si512(reinterpret_cast<__m512i*>(args.c + i), entry);
  }
  for (; i < args.count; ++i) args.c[i] = args.table[args.a[i]];
}

}  // namespace octet
