#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/pool/pool.h"

// Channels are taken in whole vectors. The last vector ends at the last channel and so repeats some
// channels of the one before; only where there are fewer channels than lanes are bytes copied.

namespace octet {
namespace {

template <typename Args>
auto tap(const Args& args, std::int64_t t) {
  return args.a != nullptr ? args.a[t] : args.base + t * args.base_stride;
}

/// Calls vector(first_channel) so that all of at least `lanes` channels are covered.
template <typename Vector>
void for_each_vector(int channels, int lanes, Vector vector) {
  for (int c = 0; c < channels; c += lanes) vector(c + lanes > channels ? channels - lanes : c);
}

/// The first `count` bytes, at most 16.
__m128i load_bytes(const std::uint8_t* bytes, int count) {
  if (count == 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  std::uint8_t block[16] = {};
  for (int i = 0; i < count; ++i) block[i] = bytes[i];
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
}

void store_bytes(std::uint8_t* bytes, int count, __m128i value) {
  if (count == 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), value);
  std::uint8_t block[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(block), value);
  for (int i = 0; i < count; ++i) bytes[i] = block[i];
}

__m128i requantize16(__m256i sum0, __m256i sum1, const AveragePoolU8Args& args) {
  const __m256 m = _mm256_set1_ps(args.multiplier);
  const __m256 low = _mm256_set1_ps(static_cast<float>(args.q_low - args.c_zero));
  const __m256 high = _mm256_set1_ps(static_cast<float>(args.q_high - args.c_zero));
  const __m256 real0 = _mm256_mul_ps(_mm256_cvtepi32_ps(sum0), m);
  const __m256 real1 = _mm256_mul_ps(_mm256_cvtepi32_ps(sum1), m);
  const __m256i code0 = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(real0, low), high));
  const __m256i code1 = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(real1, low), high));
  const __m256i zero = _mm256_set1_epi16(static_cast<std::int16_t>(args.c_zero));
  const __m256i words =
      _mm256_permute4x64_epi64(_mm256_add_epi16(_mm256_packs_epi32(code0, code1), zero), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/// The mean of `count` <= 16 channels from `first` on. Codes are added up in 16 bits as long as 255
/// each cannot overflow them.
void average16(const AveragePoolU8Args& args, int first, int count) {
  constexpr std::int64_t kTapsPer16Bits = 257;  // 257 * 255 = 65535
  const __m256i bias = _mm256_set1_epi32(-static_cast<std::int32_t>(args.taps) * args.a_zero);
  __m256i sum0 = bias, sum1 = bias;
  for (std::int64_t begin = 0; begin < args.taps; begin += kTapsPer16Bits) {
    const std::int64_t rest = args.taps - begin;
    const std::int64_t end = begin + (rest < kTapsPer16Bits ? rest : kTapsPer16Bits);
    __m256i sum16 = _mm256_setzero_si256();
    for (std::int64_t t = begin; t < end; ++t) {
      const __m128i codes = load_bytes(tap(args, t) + first, count);
      sum16 = _mm256_add_epi16(sum16, _mm256_cvtepu8_epi16(codes));
    }
    sum0 = _mm256_add_epi32(sum0, _mm256_cvtepu16_epi32(_mm256_castsi256_si128(sum16)));
    sum1 = _mm256_add_epi32(sum1, _mm256_cvtepu16_epi32(_mm256_extracti128_si256(sum16, 1)));
  }
  store_bytes(args.c + first, count, requantize16(sum0, sum1, args));
}

void max16(const MaxPoolArgs& args, int first, int count) {
  __m128i largest = _mm_setzero_si128();
  for (int t = 0; t < args.taps; ++t) {
    const auto* codes = static_cast<const std::uint8_t*>(args.a[t]) + first;
    largest = _mm_max_epu8(largest, load_bytes(codes, count));
  }
  store_bytes(static_cast<std::uint8_t*>(args.c) + first, count, largest);
}

}  // namespace

void max_pool_u8_avx2(const MaxPoolArgs& args) noexcept {
  if (args.channels < 16) return max16(args, 0, args.channels);
  if (args.channels < 32) {
    return for_each_vector(args.channels, 16, [&](int first) { max16(args, first, 16); });
  }
  for_each_vector(args.channels, 32, [&](int first) {
    __m256i largest = _mm256_setzero_si256();
    for (int t = 0; t < args.taps; ++t) {
      const auto* codes = static_cast<const std::uint8_t*>(args.a[t]) + first;
      largest =
          _mm256_max_epu8(largest, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(static_cast<std::uint8_t*>(args.c) + first),
                        largest);
  });
}

void max_pool_f32_avx2(const MaxPoolArgs& args) noexcept {
  const auto value_at = [&](int t, int c) { return static_cast<const float*>(args.a[t]) + c; };
  float* out = static_cast<float*>(args.c);
  if (args.channels >= 8) {
    return for_each_vector(args.channels, 8, [&](int first) {
      __m256 largest = _mm256_loadu_ps(value_at(0, first));
      for (int t = 1; t < args.taps; ++t) {
        // max gives its second operand if either is NaN: a NaN already there has to be kept.
        const __m256 is_nan = _mm256_cmp_ps(largest, largest, _CMP_UNORD_Q);
        const __m256 larger = _mm256_max_ps(largest, _mm256_loadu_ps(value_at(t, first)));
        largest = _mm256_blendv_ps(larger, largest, is_nan);
      }
      _mm256_storeu_ps(out + first, largest);
    });
  }
  for (int c = 0; c < args.channels; ++c) {
    float largest = *value_at(0, c);
    for (int t = 1; t < args.taps; ++t) {
      const float value = *value_at(t, c);
      largest = largest > value || largest != largest ? largest : value;
    }
    out[c] = largest;
  }
}

void average_pool_u8_avx2(const AveragePoolU8Args& args) noexcept {
  if (args.channels < 16) return average16(args, 0, args.channels);
  for_each_vector(args.channels, 16, [&](int first) { average16(args, first, 16); });
}

void average_pool_f32_avx2(const AveragePoolF32Args& args) noexcept {
  if (args.channels >= 8) {
    return for_each_vector(args.channels, 8, [&](int first) {
      __m256 sum = _mm256_loadu_ps(tap(args, 0) + first);
      for (std::int64_t t = 1; t < args.taps; ++t) {
        sum = _mm256_add_ps(sum, _mm256_loadu_ps(tap(args, t) + first));
      }
      _mm256_storeu_ps(args.c + first, _mm256_div_ps(sum, _mm256_set1_ps(args.count)));
    });
  }
  for (int c = 0; c < args.channels; ++c) {
    float sum = tap(args, 0)[c];
    for (std::int64_t t = 1; t < args.taps; ++t) sum = sum + tap(args, t)[c];
    args.c[c] = sum / args.count;
  }
}

}  // namespace octet
