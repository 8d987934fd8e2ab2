#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/eltwise/eltwise.h"

namespace octet {
namespace {

/// float(q - zero) of the low 8 codes.
__m256 centred8(__m128i codes, __m256i zero) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepu8_epi32(codes), zero));
}

/// The bound comes first: max and min return their second operand if either is NaN.
__m256 clamp_keeping_nan(__m256 x, __m256 low, __m256 high) {
  return _mm256_min_ps(high, _mm256_max_ps(low, x));
}

struct Rounding {
  __m256 low, high;
  __m256i zero;
};

Rounding make_rounding(std::int32_t zero) {
  return {_mm256_set1_ps(static_cast<float>(-zero)), _mm256_set1_ps(static_cast<float>(255 - zero)),
          _mm256_set1_epi32(zero)};
}

__m256i round8(__m256 x, const Rounding& rounding) {
  // x comes first, so that NaN becomes the bound before the conversion.
  const __m256 clamped = _mm256_min_ps(_mm256_max_ps(x, rounding.low), rounding.high);
  return _mm256_add_epi32(_mm256_cvtps_epi32(clamped), rounding.zero);
}

__m128i pack16(__m256i codes0, __m256i codes1) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(codes0, codes1), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/// Applies codes16(__m128i a, __m128i b) to all codes, the last few by way of a buffer.
template <typename Codes16>
void for_each_16(const EltwiseU8Args& args, Codes16 codes16) {
  std::int64_t i = 0;
  for (; i + 16 <= args.count; i += 16) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(args.a + i));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(args.b + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(args.c + i), codes16(a, b));
  }
  if (i == args.count) return;
  std::uint8_t a[16] = {}, b[16] = {}, c[16];
  for (std::int64_t j = i; j < args.count; ++j) {
    a[j - i] = args.a[j];
    b[j - i] = args.b[j];
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(c),
                   codes16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                           _mm_loadu_si128(reinterpret_cast<const __m128i*>(b))));
  for (std::int64_t j = i; j < args.count; ++j) args.c[j] = c[j - i];
}

}  // namespace

void add_u8_avx2(const EltwiseU8Args& args) noexcept {
  const __m256i a_zero = _mm256_set1_epi32(args.a_zero), b_zero = _mm256_set1_epi32(args.b_zero);
  const __m256 a_scale = _mm256_set1_ps(args.a_scale), b_scale = _mm256_set1_ps(args.b_scale);
  const __m256 c_scale = _mm256_set1_ps(args.c_scale);
  const __m256 low = _mm256_set1_ps(args.low), high = _mm256_set1_ps(args.high);
  const Rounding rounding = make_rounding(args.c_zero);
  const auto add8 = [&](__m128i a, __m128i b) {
    const __m256 real_a = _mm256_mul_ps(centred8(a, a_zero), a_scale);
    const __m256 real_b = _mm256_mul_ps(centred8(b, b_zero), b_scale);
    const __m256 sum = clamp_keeping_nan(_mm256_add_ps(real_a, real_b), low, high);
    return round8(_mm256_div_ps(sum, c_scale), rounding);
  };
  for_each_16(args, [&](__m128i a, __m128i b) {
    return pack16(add8(a, b), add8(_mm_srli_si128(a, 8), _mm_srli_si128(b, 8)));
  });
}

void mul_u8_avx2(const EltwiseU8Args& args) noexcept {
  const __m256i a_zero = _mm256_set1_epi32(args.a_zero), b_zero = _mm256_set1_epi32(args.b_zero);
  const __m256 m = _mm256_set1_ps(
      static_cast<float>(static_cast<double>(args.a_scale) * args.b_scale / args.c_scale));
  const Rounding rounding = make_rounding(args.c_zero);
  const auto mul8 = [&](__m128i a, __m128i b) {
    // At most 255 * 255 in absolute value: exact in float.
    const __m256 product = _mm256_mul_ps(centred8(a, a_zero), centred8(b, b_zero));
    return round8(_mm256_mul_ps(product, m), rounding);
  };
  for_each_16(args, [&](__m128i a, __m128i b) {
    return pack16(mul8(a, b), mul8(_mm_srli_si128(a, 8), _mm_srli_si128(b, 8)));
  });
}

void add_f32_avx2(const EltwiseF32Args& args) noexcept {
  const __m256 low = _mm256_set1_ps(args.low), high = _mm256_set1_ps(args.high);
  std::int64_t i = 0;
  for (; i + 8 <= args.count; i += 8) {
    const __m256 sum = _mm256_add_ps(_mm256_loadu_ps(args.a + i), _mm256_loadu_ps(args.b + i));
    _mm256_storeu_ps(args.c + i, clamp_keeping_nan(sum, low, high));
  }
  for (; i < args.count; ++i) {
    const float sum = args.a[i] + args.b[i];
    const float raised = args.low > sum ? args.low : sum;
    args.c[i] = args.high < raised ? args.high : raised;
  }
}

void mul_f32_avx2(const EltwiseF32Args& args) noexcept {
  std::int64_t i = 0;
  for (; i + 8 <= args.count; i += 8) {
    _mm256_storeu_ps(args.c + i,
                     _mm256_mul_ps(_mm256_loadu_ps(args.a + i), _mm256_loadu_ps(args.b + i)));
  }
  for (; i < args.count; ++i) args.c[i] = args.a[i] * args.b[i];
}

void clamp_f32_avx2(const EltwiseF32Args& args) noexcept {
  const __m256 low = _mm256_set1_ps(args.low), high = _mm256_set1_ps(args.high);
  std::int64_t i = 0;
  for (; i + 8 <= args.count; i += 8) {
    _mm256_storeu_ps(args.c + i, clamp_keeping_nan(_mm256_loadu_ps(args.a + i), low, high));
  }
  for (; i < args.count; ++i) {
    const float raised = args.low > args.a[i] ? args.low : args.a[i];
    args.c[i] = args.high < raised ? args.high : raised;
  }
}

void hard_f32_avx2(const HardF32Args& args) noexcept {
  const __m256 alpha = _mm256_set1_ps(args.alpha), beta = _mm256_set1_ps(args.beta);
  const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1.0f);
  std::int64_t i = 0;
  for (; i + 8 <= args.count; i += 8) {
    const __m256 a = _mm256_loadu_ps(args.a + i);
    const __m256 line = _mm256_add_ps(_mm256_mul_ps(alpha, a), beta);
    // The bounds come second: NaN becomes 1.
    const __m256 gate = _mm256_max_ps(_mm256_min_ps(line, one), zero);
    _mm256_storeu_ps(args.c + i, args.times_input ? _mm256_mul_ps(a, gate) : gate);
  }
  for (; i < args.count; ++i) {
    const float line = args.alpha * args.a[i] + args.beta;
    const float lowered = line < 1.0f ? line : 1.0f;
    const float gate = lowered > 0.0f ? lowered : 0.0f;
    args.c[i] = args.times_input ? args.a[i] * gate : gate;
  }
}

}  // namespace octet
