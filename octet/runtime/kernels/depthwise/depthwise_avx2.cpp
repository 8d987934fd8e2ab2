#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/depthwise/depthwise.h"

// The interleaving of taps and the order of channels are explained in depthwise_pack.h.

namespace octet {
namespace {

constexpr int kBlock = 32;                    // channels
constexpr int kGroupWeights = 4 * 2 * 2 * 8;  // [v][odd][i][tap / 2]

__m256i load(const void* bytes) { return _mm256_loadu_si256(static_cast<const __m256i*>(bytes)); }

/// Adds the products of the next Taps <= 4 taps to the 4 sums of a channel block.
template <int Taps>
void add_taps(const std::uint8_t* const* a, int channel, const std::int16_t* weights,
              __m256i sum[4]) {
  const __m256i none = _mm256_setzero_si256();
  const __m256i tap0 = load(a[0] + channel);
  const __m256i tap1 = Taps > 1 ? load(a[1] + channel) : none;
  const __m256i tap2 = Taps > 2 ? load(a[2] + channel) : none;
  const __m256i tap3 = Taps > 3 ? load(a[3] + channel) : none;
  const __m256i low01 = _mm256_unpacklo_epi8(tap0, tap1);
  const __m256i high01 = _mm256_unpackhi_epi8(tap0, tap1);
  const __m256i low23 = _mm256_unpacklo_epi8(tap2, tap3);
  const __m256i high23 = _mm256_unpackhi_epi8(tap2, tap3);
  const __m256i taps[4] = {_mm256_unpacklo_epi16(low01, low23), _mm256_unpackhi_epi16(low01, low23),
                           _mm256_unpacklo_epi16(high01, high23),
                           _mm256_unpackhi_epi16(high01, high23)};
  const __m256i even_bytes = _mm256_set1_epi16(0x00FF);
  for (int v = 0; v < 4; ++v) {
    const __m256i even = _mm256_and_si256(taps[v], even_bytes);
    sum[v] = _mm256_add_epi32(sum[v], _mm256_madd_epi16(even, load(weights + 32 * v)));
    if (Taps == 1) continue;
    const __m256i odd = _mm256_srli_epi16(taps[v], 8);
    sum[v] = _mm256_add_epi32(sum[v], _mm256_madd_epi16(odd, load(weights + 32 * v + 16)));
  }
}

void add_all_taps(int taps, const std::uint8_t* const* a, int channel, const std::int16_t* weights,
                  __m256i sum[4]) {
  for (; taps >= 4; taps -= 4, a += 4, weights += kGroupWeights) {
    add_taps<4>(a, channel, weights, sum);
  }
  if (taps == 1) add_taps<1>(a, channel, weights, sum);
  if (taps == 2) add_taps<2>(a, channel, weights, sum);
  if (taps == 3) add_taps<3>(a, channel, weights, sum);
}

/// The 8 elements of the v-th vector, from two runs of 4 channels.
__m256i load_in_order(const void* per_channel, int v) {
  const auto* runs = static_cast<const __m128i*>(per_channel);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(runs + v)),
                                 _mm_loadu_si128(runs + 4 + v), 1);
}

struct Requantization {
  __m256 multiplier[4];
  __m256 low, high;
  __m256i zero;
};

/// 32 codes in the order of their channels: packing undoes the interleaving.
__m256i requantize(const __m256i sum[4], const Requantization& r) {
  __m256i code[4];
  for (int v = 0; v < 4; ++v) {
    const __m256 real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[v]), r.multiplier[v]);
    code[v] = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(real, r.low), r.high));
  }
  const __m256i words01 = _mm256_add_epi16(_mm256_packs_epi32(code[0], code[1]), r.zero);
  const __m256i words23 = _mm256_add_epi16(_mm256_packs_epi32(code[2], code[3]), r.zero);
  return _mm256_packus_epi16(words01, words23);
}

void store(std::uint8_t* c, int count, __m256i codes) {
  if (count >= kBlock) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(c), codes);
  std::uint8_t block[kBlock];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(block), codes);
  for (int i = 0; i < count; ++i) c[i] = block[i];
}

void store_f32(float* c, int count, __m256 value) {
  if (count >= 8) return _mm256_storeu_ps(c, value);
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(c, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane), value);
}

/// Up to 16 channels of Pixels output pixels, which share the loads of the weights.
template <int Pixels>
void convolve_f32(const DepthwiseF32Args& args, int first_pixel, int channel) {
  const float* const* a = args.a + static_cast<std::ptrdiff_t>(first_pixel) * args.taps;
  const float* weights = args.weights + channel;
  __m256 sum0[Pixels], sum1[Pixels];
  for (int p = 0; p < Pixels; ++p) {
    sum0[p] = _mm256_loadu_ps(args.bias + channel);
    sum1[p] = _mm256_loadu_ps(args.bias + channel + 8);
  }
  for (int t = 0; t < args.taps; ++t, weights += args.channels) {
    const __m256 weights0 = _mm256_loadu_ps(weights), weights1 = _mm256_loadu_ps(weights + 8);
    for (int p = 0; p < Pixels; ++p) {
      const float* x = a[p * args.taps + t] + channel;
      sum0[p] = _mm256_fmadd_ps(_mm256_loadu_ps(x), weights0, sum0[p]);
      sum1[p] = _mm256_fmadd_ps(_mm256_loadu_ps(x + 8), weights1, sum1[p]);
    }
  }
  const int count = args.channels - channel;
  const __m256 low = _mm256_set1_ps(args.low), high = _mm256_set1_ps(args.high);
  for (int p = 0; p < Pixels; ++p) {
    float* c = args.c + (first_pixel + p) * args.c_stride + channel;
    // The bound comes first: max and min return their second operand if either is NaN.
    store_f32(c, count, _mm256_min_ps(high, _mm256_max_ps(low, sum0[p])));
    store_f32(c + 8, count - 8, _mm256_min_ps(high, _mm256_max_ps(low, sum1[p])));
  }
}

}  // namespace

void depthwise_u8s8_avx2(const DepthwiseU8S8Args& args) noexcept {
  const int block_weights = (args.taps + 3) / 4 * kGroupWeights;
  const auto* weights = static_cast<const std::int16_t*>(args.weights);
  Requantization requantization;
  requantization.low = _mm256_set1_ps(static_cast<float>(args.q_low - args.c_zero));
  requantization.high = _mm256_set1_ps(static_cast<float>(args.q_high - args.c_zero));
  requantization.zero = _mm256_set1_epi16(static_cast<std::int16_t>(args.c_zero));
  for (int channel = 0; channel < args.channels; channel += kBlock) {
    __m256i bias[4];
    for (int v = 0; v < 4; ++v) {
      bias[v] = load_in_order(args.bias + channel, v);
      requantization.multiplier[v] =
          _mm256_castsi256_ps(load_in_order(args.multiplier + channel, v));
    }
    for (int p = 0; p < args.pixels; ++p) {
      __m256i sum[4] = {bias[0], bias[1], bias[2], bias[3]};
      add_all_taps(args.taps, args.a + static_cast<std::ptrdiff_t>(p) * args.taps, channel, weights,
                   sum);
      store(args.c + p * args.c_stride + channel, args.channels - channel,
            requantize(sum, requantization));
    }
    weights += block_weights;
  }
}

void depthwise_f32_avx2(const DepthwiseF32Args& args) noexcept {
  for (int channel = 0; channel < args.channels; channel += 16) {
    int p = 0;
    for (; p + 4 <= args.pixels; p += 4) convolve_f32<4>(args, p, channel);
    for (; p < args.pixels; ++p) convolve_f32<1>(args, p, channel);
  }
}

}  // namespace octet
