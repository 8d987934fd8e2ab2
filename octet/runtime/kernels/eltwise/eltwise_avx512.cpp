#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/eltwise/eltwise.h"

namespace octet {
namespace {

__mmask16 first_lanes(std::int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << count) - 1);
}

/// float(q - zero)
__m512 centred16(__m128i codes, __m512i zero) {
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepu8_epi32(codes), zero));
}

/// The bound comes first: max and min return their second operand if either is NaN.
__m512 clamp_keeping_nan(__m512 x, __m512 low, __m512 high) {
  return _mm512_min_ps(high, _mm512_max_ps(low, x));
}

__m128i round16(__m512 x, std::int32_t zero) {
  const __m512 low = _mm512_set1_ps(static_cast<float>(-zero));
  const __m512 high = _mm512_set1_ps(static_cast<float>(255 - zero));
  // x comes first, so that NaN becomes the bound before the conversion.
  const __m512 clamped = _mm512_min_ps(_mm512_max_ps(x, low), high);
  return _mm512_cvtepi32_epi8(
      _mm512_add_epi32(_mm512_cvtps_epi32(clamped), _mm512_set1_epi32(zero)));
}

}  // namespace

void add_u8_avx512(const EltwiseU8Args& args) noexcept {
  const __m512i a_zero = _mm512_set1_epi32(args.a_zero), b_zero = _mm512_set1_epi32(args.b_zero);
  const __m512 a_scale = _mm512_set1_ps(args.a_scale), b_scale = _mm512_set1_ps(args.b_scale);
  const __m512 c_scale = _mm512_set1_ps(args.c_scale);
  const __m512 low = _mm512_set1_ps(args.low), high = _mm512_set1_ps(args.high);
  const std::int32_t c_zero = args.c_zero;
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m512 a = centred16(_mm_maskz_loadu_epi8(lanes, args.a + i), a_zero);
    const __m512 b = centred16(_mm_maskz_loadu_epi8(lanes, args.b + i), b_zero);
    const __m512 sum = clamp_keeping_nan(
        _mm512_add_ps(_mm512_mul_ps(a, a_scale), _mm512_mul_ps(b, b_scale)), low, high);
    _mm_mask_storeu_epi8(args.c + i, lanes, round16(_mm512_div_ps(sum, c_scale), c_zero));
  }
}

void mul_u8_avx512(const EltwiseU8Args& args) noexcept {
  const __m512i a_zero = _mm512_set1_epi32(args.a_zero), b_zero = _mm512_set1_epi32(args.b_zero);
  const __m512 m = _mm512_set1_ps(
      static_cast<float>(static_cast<double>(args.a_scale) * args.b_scale / args.c_scale));
  const std::int32_t c_zero = args.c_zero;
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m512 a = centred16(_mm_maskz_loadu_epi8(lanes, args.a + i), a_zero);
    const __m512 b = centred16(_mm_maskz_loadu_epi8(lanes, args.b + i), b_zero);
    // At most 255 * 255 in absolute value: exact in float.
    const __m512 product = _mm512_mul_ps(a, b);
    _mm_mask_storeu_epi8(args.c + i, lanes, round16(_mm512_mul_ps(product, m), c_zero));
  }
}

void add_f32_avx512(const EltwiseF32Args& args) noexcept {
  const __m512 low = _mm512_set1_ps(args.low), high = _mm512_set1_ps(args.high);
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, args.a + i),
                                     _mm512_maskz_loadu_ps(lanes, args.b + i));
    _mm512_mask_storeu_ps(args.c + i, lanes, clamp_keeping_nan(sum, low, high));
  }
}

void mul_f32_avx512(const EltwiseF32Args& args) noexcept {
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m512 product = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, args.a + i),
                                         _mm512_maskz_loadu_ps(lanes, args.b + i));
    _mm512_mask_storeu_ps(args.c + i, lanes, product);
  }
}

void clamp_f32_avx512(const EltwiseF32Args& args) noexcept {
  const __m512 low = _mm512_set1_ps(args.low), high = _mm512_set1_ps(args.high);
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m512 a = _mm512_maskz_loadu_ps(lanes, args.a + i);
    _mm512_mask_storeu_ps(args.c + i, lanes, clamp_keeping_nan(a, low, high));
  }
}

void hard_f32_avx512(const HardF32Args& args) noexcept {
  const __m512 alpha = _mm512_set1_ps(args.alpha), beta = _mm512_set1_ps(args.beta);
  const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1.0f);
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m512 a = _mm512_maskz_loadu_ps(lanes, args.a + i);
    const __m512 line = _mm512_add_ps(_mm512_mul_ps(alpha, a), beta);
    // The bounds come second: NaN becomes 1.
    const __m512 gate = _mm512_max_ps(_mm512_min_ps(line, one), zero);
    _mm512_mask_storeu_ps(args.c + i, lanes, args.times_input ? _mm512_mul_ps(a, gate) : gate);
  }
}

}  // namespace octet
