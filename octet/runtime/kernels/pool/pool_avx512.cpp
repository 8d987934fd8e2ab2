#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/pool/pool.h"

namespace octet {
namespace {

template <typename Args>
auto tap(const Args& args, std::int64_t t) {
  return args.a != nullptr ? args.a[t] : args.base + t * args.base_stride;
}

__mmask16 first_lanes(std::int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << count) - 1);
}

__m128i requantize16(__m512i sum, const AveragePoolU8Args& args) {
  const __m512 low = _mm512_set1_ps(static_cast<float>(args.q_low - args.c_zero));
  const __m512 high = _mm512_set1_ps(static_cast<float>(args.q_high - args.c_zero));
  const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(args.multiplier));
  const __m512i code = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(real, low), high));
  return _mm512_cvtepi32_epi8(_mm512_add_epi32(code, _mm512_set1_epi32(args.c_zero)));
}

}  // namespace

void max_pool_u8_avx512(const MaxPoolArgs& args) noexcept {
  for (int c = 0; c < args.channels; c += 64) {
    const int rest = args.channels - c;
    const __mmask64 lanes = rest >= 64 ? ~__mmask64{0} : (__mmask64{1} << rest) - 1;
    __m512i largest = _mm512_setzero_si512();
    for (int t = 0; t < args.taps; ++t) {
      const auto* codes = static_cast<const std::uint8_t*>(args.a[t]) + c;
      largest = _mm512_max_epu8(largest, _mm512_maskz_loadu_epi8(lanes, codes));
    }
    _mm512_mask_storeu_epi8(static_cast<std::uint8_t*>(args.c) + c, lanes, largest);
  }
}

void max_pool_f32_avx512(const MaxPoolArgs& args) noexcept {
  for (int c = 0; c < args.channels; c += 16) {
    const __mmask16 lanes = first_lanes(args.channels - c);
    const auto value = [&](int t) {
      return _mm512_maskz_loadu_ps(lanes, static_cast<const float*>(args.a[t]) + c);
    };
    __m512 largest = value(0);
    for (int t = 1; t < args.taps; ++t) {
      // max gives its second operand if either is NaN: a NaN already there has to be kept.
      const __mmask16 is_number = _mm512_cmp_ps_mask(largest, largest, _CMP_ORD_Q);
      largest = _mm512_mask_max_ps(largest, is_number, largest, value(t));
    }
    _mm512_mask_storeu_ps(static_cast<float*>(args.c) + c, lanes, largest);
  }
}

void average_pool_u8_avx512(const AveragePoolU8Args& args) noexcept {
  constexpr std::int64_t kTapsPer16Bits = 257;  // 257 * 255 = 65535
  const __m512i bias = _mm512_set1_epi32(-static_cast<std::int32_t>(args.taps) * args.a_zero);
  for (int c = 0; c < args.channels; c += 32) {
    const int rest = args.channels - c;
    const __mmask32 lanes = rest >= 32 ? ~__mmask32{0} : (__mmask32{1} << rest) - 1;
    __m512i sum0 = bias, sum1 = bias;
    for (std::int64_t begin = 0; begin < args.taps; begin += kTapsPer16Bits) {
      const std::int64_t left = args.taps - begin;
      const std::int64_t end = begin + (left < kTapsPer16Bits ? left : kTapsPer16Bits);
      __m512i sum16 = _mm512_setzero_si512();
      for (std::int64_t t = begin; t < end; ++t) {
        const __m256i codes = _mm256_maskz_loadu_epi8(lanes, tap(args, t) + c);
        sum16 = _mm512_add_epi16(sum16, _mm512_cvtepu8_epi16(codes));
      }
      sum0 = _mm512_add_epi32(sum0, _mm512_cvtepu16_epi32(_mm512_castsi512_si256(sum16)));
      sum1 = _mm512_add_epi32(sum1, _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(sum16, 1)));
    }
    _mm_mask_storeu_epi8(args.c + c, first_lanes(rest), requantize16(sum0, args));
    if (rest > 16) {
      _mm_mask_storeu_epi8(args.c + c + 16, first_lanes(rest - 16), requantize16(sum1, args));
    }
  }
}

void average_pool_f32_avx512(const AveragePoolF32Args& args) noexcept {
  for (int c = 0; c < args.channels; c += 16) {
    const __mmask16 lanes = first_lanes(args.channels - c);
    __m512 sum = _mm512_maskz_loadu_ps(lanes, tap(args, 0) + c);
    for (std::int64_t t = 1; t < args.taps; ++t) {
      sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(lanes, tap(args, t) + c));
    }
    _mm512_mask_storeu_ps(args.c + c, lanes, _mm512_div_ps(sum, _mm512_set1_ps(args.count)));
  }
}

}  // namespace octet
