#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/quantize/quantize.h"

namespace octet {
namespace {

struct Rounding {
  __m512 scale, low, high;
  __m512i zero;
};

Rounding make_rounding(float scale, std::int32_t zero, std::int32_t q_low, std::int32_t q_high) {
  return {_mm512_set1_ps(scale), _mm512_set1_ps(static_cast<float>(q_low - zero)),
          _mm512_set1_ps(static_cast<float>(q_high - zero)), _mm512_set1_epi32(zero)};
}

__mmask16 first_lanes(std::int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << count) - 1);
}

/// The codes of up to 16 floats.
__m128i quantize16(const float* x, __mmask16 lanes, const Rounding& rounding) {
  const __m512 value = _mm512_maskz_loadu_ps(lanes, x);
  const __m512 quotient = _mm512_div_ps(value, rounding.scale);
  const __m512 clamped = _mm512_min_ps(_mm512_max_ps(quotient, rounding.low), rounding.high);
  const __mmask16 is_number = _mm512_cmp_ps_mask(value, value, _CMP_ORD_Q);
  const __m512i code = _mm512_maskz_cvtps_epi32(is_number, clamped);
  return _mm512_cvtepi32_epi8(_mm512_add_epi32(code, rounding.zero));
}

void quantize_run(std::int64_t count, const float* x, std::uint8_t* c, const Rounding& rounding) {
  for (std::int64_t i = 0; i < count; i += 16) {
    const __mmask16 lanes = first_lanes(count - i);
    _mm_mask_storeu_epi8(c + i, lanes, quantize16(x + i, lanes, rounding));
  }
}

/// For byte j of the v-th 16 bytes of interleaved RGB: which byte of plane `channel` goes there.
struct Interleave3 {
  std::uint8_t source[3][3][16] = {};
  constexpr Interleave3() {
    for (int v = 0; v < 3; ++v) {
      for (int channel = 0; channel < 3; ++channel) {
        for (int j = 0; j < 16; ++j) {
          const int k = 16 * v + j;
          source[v][channel][j] = static_cast<std::uint8_t>(k % 3 == channel ? k / 3 : 0x80);
        }
      }
    }
  }
};
constexpr Interleave3 kInterleave3;

void quantize_3_channels(const QuantizeNhwcArgs& args, const Rounding& rounding) {
  for (std::int64_t p = 0; p < args.pixels; p += 16) {
    const std::int64_t rest = args.pixels - p;
    const __mmask16 lanes = first_lanes(rest);
    __m128i planes[3];
    for (int channel = 0; channel < 3; ++channel) {
      planes[channel] = quantize16(args.x + channel * args.pixels + p, lanes, rounding);
    }
    for (int v = 0; v < 3; ++v) {
      if (3 * rest <= 16 * v) return;
      __m128i bytes = _mm_setzero_si128();
      for (int channel = 0; channel < 3; ++channel) {
        const __m128i source =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(kInterleave3.source[v][channel]));
        bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(planes[channel], source));
      }
      _mm_mask_storeu_epi8(args.c + 3 * p + 16 * v, first_lanes(3 * rest - 16 * v), bytes);
    }
  }
}

void quantize_any_channels(const QuantizeNhwcArgs& args, const Rounding& rounding) {
  std::uint8_t block[16];
  for (std::int64_t p = 0; p < args.pixels; p += 16) {
    const std::int64_t rest = args.pixels - p < 16 ? args.pixels - p : 16;
    for (int channel = 0; channel < args.channels; ++channel) {
      const float* x = args.x + channel * args.pixels + p;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(block),
                       quantize16(x, first_lanes(rest), rounding));
      std::uint8_t* c = args.c + p * args.channels + channel;
      for (std::int64_t i = 0; i < rest; ++i) c[i * args.channels] = block[i];
    }
  }
}

}  // namespace

void quantize_avx512(const QuantizeArgs& args) noexcept {
  quantize_run(args.count, args.x, args.c,
               make_rounding(args.scale, args.zero, args.q_low, args.q_high));
}

void quantize_nhwc_avx512(const QuantizeNhwcArgs& args) noexcept {
  const Rounding rounding = make_rounding(args.scale, args.zero, args.q_low, args.q_high);
  if (args.channels == 1) return quantize_run(args.pixels, args.x, args.c, rounding);
  if (args.channels == 3) return quantize_3_channels(args, rounding);
  quantize_any_channels(args, rounding);
}

void dequantize_avx512(const DequantizeArgs& args) noexcept {
  const __m512i zero = _mm512_set1_epi32(args.zero);
  const __m512 scale = _mm512_set1_ps(args.scale);
  for (std::int64_t i = 0; i < args.count; i += 16) {
    const __mmask16 lanes = first_lanes(args.count - i);
    const __m128i codes = _mm_maskz_loadu_epi8(lanes, args.q + i);
    const __m512i centred = _mm512_sub_epi32(_mm512_cvtepu8_epi32(codes), zero);
    _mm512_mask_storeu_ps(args.y + i, lanes, _mm512_mul_ps(_mm512_cvtepi32_ps(centred), scale));
  }
}

void dequantize_sums_avx512(const DequantizeSumsArgs& args) noexcept {
  const __m512 low = _mm512_set1_ps(args.low), high = _mm512_set1_ps(args.high);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::int32_t* acc = args.acc + r * args.n;
    float* y = args.y + r * args.n;
    for (int j = 0; j < args.n; j += 16) {
      const __mmask16 lanes = first_lanes(args.n - j);
      const __m512i sums = _mm512_maskz_loadu_epi32(lanes, acc + j);
      __m512 value =
          _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_maskz_loadu_ps(lanes, args.scale + j));
      if (args.bias != nullptr) {
        value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(lanes, args.bias + j));
      }
      // The bound comes first: max and min return their second operand if either is NaN.
      _mm512_mask_storeu_ps(y + j, lanes, _mm512_min_ps(high, _mm512_max_ps(low, value)));
    }
  }
}

void min_max_avx512(std::int64_t count, const float* x, float* min, float* max) noexcept {
  // x comes first: min and max return their second operand if either is NaN.
  __m512 min16 = _mm512_setzero_ps(), max16 = min16;
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m512 value = _mm512_maskz_loadu_ps(first_lanes(count - i), x + i);
    min16 = _mm512_min_ps(value, min16);
    max16 = _mm512_max_ps(value, max16);
  }
  *min = _mm512_reduce_min_ps(min16);
  *max = _mm512_reduce_max_ps(max16);
}

}  // namespace octet
