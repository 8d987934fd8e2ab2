#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/quantize/quantize.h"

namespace octet {
namespace {

struct Rounding {
  __m256 scale, low, high;
  __m256i zero;
};

Rounding make_rounding(float scale, std::int32_t zero, std::int32_t q_low, std::int32_t q_high) {
  return {_mm256_set1_ps(scale), _mm256_set1_ps(static_cast<float>(q_low - zero)),
          _mm256_set1_ps(static_cast<float>(q_high - zero)), _mm256_set1_epi32(zero)};
}

__m256i quantize8(const float* x, const Rounding& rounding) {
  const __m256 value = _mm256_loadu_ps(x);
  const __m256 quotient = _mm256_div_ps(value, rounding.scale);
  const __m256 clamped = _mm256_min_ps(_mm256_max_ps(quotient, rounding.low), rounding.high);
  const __m256 is_number = _mm256_cmp_ps(value, value, _CMP_ORD_Q);
  const __m256i code = _mm256_cvtps_epi32(_mm256_and_ps(clamped, is_number));
  return _mm256_add_epi32(code, rounding.zero);
}

__m128i quantize16(const float* x, const Rounding& rounding) {
  const __m256i words = _mm256_permute4x64_epi64(
      _mm256_packs_epi32(quantize8(x, rounding), quantize8(x + 8, rounding)), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

__m128i quantize_tail(const float* x, std::int64_t count, const Rounding& rounding) {
  float block[16] = {};
  for (std::int64_t i = 0; i < count; ++i) block[i] = x[i];
  return quantize16(block, rounding);
}

void store_tail(std::uint8_t* c, std::int64_t count, __m128i codes) {
  std::uint8_t block[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(block), codes);
  for (std::int64_t i = 0; i < count; ++i) c[i] = block[i];
}

void quantize_run(std::int64_t count, const float* x, std::uint8_t* c, const Rounding& rounding) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(c + i), quantize16(x + i, rounding));
  }
  if (i < count) store_tail(c + i, count - i, quantize_tail(x + i, count - i, rounding));
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

void store_interleaved3(std::uint8_t* c, __m128i plane0, __m128i plane1, __m128i plane2) {
  const __m128i planes[3] = {plane0, plane1, plane2};
  for (int v = 0; v < 3; ++v) {
    __m128i bytes = _mm_setzero_si128();
    for (int channel = 0; channel < 3; ++channel) {
      const __m128i source =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(kInterleave3.source[v][channel]));
      bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(planes[channel], source));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(c + 16 * v), bytes);
  }
}

void quantize_3_channels(const QuantizeNhwcArgs& args, const Rounding& rounding) {
  const float* x0 = args.x;
  const float* x1 = x0 + args.pixels;
  const float* x2 = x1 + args.pixels;
  std::int64_t p = 0;
  for (; p + 16 <= args.pixels; p += 16) {
    store_interleaved3(args.c + 3 * p, quantize16(x0 + p, rounding), quantize16(x1 + p, rounding),
                       quantize16(x2 + p, rounding));
  }
  const std::int64_t rest = args.pixels - p;
  if (rest == 0) return;
  std::uint8_t block[48];
  store_interleaved3(block, quantize_tail(x0 + p, rest, rounding),
                     quantize_tail(x1 + p, rest, rounding), quantize_tail(x2 + p, rest, rounding));
  for (std::int64_t i = 0; i < 3 * rest; ++i) args.c[3 * p + i] = block[i];
}

void quantize_any_channels(const QuantizeNhwcArgs& args, const Rounding& rounding) {
  std::uint8_t block[16];
  for (std::int64_t p = 0; p < args.pixels; p += 16) {
    const std::int64_t rest = args.pixels - p < 16 ? args.pixels - p : 16;
    for (int channel = 0; channel < args.channels; ++channel) {
      const float* x = args.x + channel * args.pixels + p;
      const __m128i codes = rest == 16 ? quantize16(x, rounding) : quantize_tail(x, rest, rounding);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(block), codes);
      std::uint8_t* c = args.c + p * args.channels + channel;
      for (std::int64_t i = 0; i < rest; ++i) c[i * args.channels] = block[i];
    }
  }
}

__m256 dequantize8(__m128i codes, __m256i zero, __m256 scale) {
  const __m256i centred = _mm256_sub_epi32(_mm256_cvtepu8_epi32(codes), zero);
  return _mm256_mul_ps(_mm256_cvtepi32_ps(centred), scale);
}

}  // namespace

void quantize_avx2(const QuantizeArgs& args) noexcept {
  quantize_run(args.count, args.x, args.c,
               make_rounding(args.scale, args.zero, args.q_low, args.q_high));
}

void quantize_nhwc_avx2(const QuantizeNhwcArgs& args) noexcept {
  const Rounding rounding = make_rounding(args.scale, args.zero, args.q_low, args.q_high);
  if (args.channels == 1) return quantize_run(args.pixels, args.x, args.c, rounding);
  if (args.channels == 3) return quantize_3_channels(args, rounding);
  quantize_any_channels(args, rounding);
}

void dequantize_avx2(const DequantizeArgs& args) noexcept {
  const __m256i zero = _mm256_set1_epi32(args.zero);
  const __m256 scale = _mm256_set1_ps(args.scale);
  std::int64_t i = 0;
  for (; i + 16 <= args.count; i += 16) {
    const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(args.q + i));
    _mm256_storeu_ps(args.y + i, dequantize8(codes, zero, scale));
    _mm256_storeu_ps(args.y + i + 8, dequantize8(_mm_srli_si128(codes, 8), zero, scale));
  }
  for (; i < args.count; ++i) {
    args.y[i] = static_cast<float>(args.q[i] - args.zero) * args.scale;
  }
}

void dequantize_sums_avx2(const DequantizeSumsArgs& args) noexcept {
  const __m256 low = _mm256_set1_ps(args.low), high = _mm256_set1_ps(args.high);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::int32_t* acc = args.acc + r * args.n;
    float* y = args.y + r * args.n;
    int j = 0;
    for (; j + 8 <= args.n; j += 8) {
      const __m256i sums = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(acc + j));
      __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(args.scale + j));
      if (args.bias != nullptr) value = _mm256_add_ps(value, _mm256_loadu_ps(args.bias + j));
      // The bound comes first: max and min return their second operand if either is NaN.
      value = _mm256_min_ps(high, _mm256_max_ps(low, value));
      _mm256_storeu_ps(y + j, value);
    }
    for (; j < args.n; ++j) {
      float value = static_cast<float>(acc[j]) * args.scale[j];
      if (args.bias != nullptr) value = value + args.bias[j];
      value = args.low > value ? args.low : value;
      y[j] = args.high < value ? args.high : value;
    }
  }
}

void min_max_avx2(std::int64_t count, const float* x, float* min, float* max) noexcept {
  // x comes first: min and max return their second operand if either is NaN.
  __m256 min8 = _mm256_setzero_ps(), max8 = min8;
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(x + i);
    min8 = _mm256_min_ps(value, min8);
    max8 = _mm256_max_ps(value, max8);
  }
  float lanes_min[8], lanes_max[8];
  _mm256_storeu_ps(lanes_min, min8);
  _mm256_storeu_ps(lanes_max, max8);
  float smallest = 0, largest = 0;
  for (int lane = 0; lane < 8; ++lane) {
    smallest = lanes_min[lane] < smallest ? lanes_min[lane] : smallest;
    largest = lanes_max[lane] > largest ? lanes_max[lane] : largest;
  }
  for (; i < count; ++i) {
    smallest = x[i] < smallest ? x[i] : smallest;
    largest = x[i] > largest ? x[i] : largest;
  }
  *min = smallest;
  *max = largest;
}

}  // namespace octet
