#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/depthwise/depthwise.h"

// The interleaving of taps and the order of channels are explained in depthwise_pack.h.

namespace octet {
namespace {

constexpr int kBlock = 64;                     // channels
constexpr int kGroupWeights = 4 * 2 * 2 * 16;  // [v][odd][i][tap / 2]

/// Adds the products of the next Taps <= 4 taps to the 4 sums of a channel block.
template <int Taps>
void add_taps(const std::uint8_t* const* a, int channel, const std::int16_t* weights,
              __m512i sum[4]) {
  const __m512i none = _mm512_setzero_si512();
  const __m512i tap0 = _mm512_loadu_si512(a[0] + channel);
  const __m512i tap1 = Taps > 1 ? _mm512_loadu_si512(a[1] + channel) : none;
  const __m512i tap2 = Taps > 2 ? _mm512_loadu_si512(a[2] + channel) : none;
  const __m512i tap3 = Taps > 3 ? _mm512_loadu_si512(a[3] + channel) : none;
  const __m512i low01 = _mm512_unpacklo_epi8(tap0, tap1);
  const __m512i high01 = _mm512_unpackhi_epi8(tap0, tap1);
  const __m512i low23 = _mm512_unpacklo_epi8(tap2, tap3);
  const __m512i high23 = _mm512_unpackhi_epi8(tap2, tap3);
  const __m512i taps[4] = {_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                           _mm512_unpacklo_epi16(high01, high23),
                           _mm512_unpackhi_epi16(high01, high23)};
  const __m512i even_bytes = _mm512_set1_epi16(0x00FF);
  for (int v = 0; v < 4; ++v) {
    const __m512i even = _mm512_and_si512(taps[v], even_bytes);
    const __m512i even_weights = _mm512_loadu_si512(weights + 64 * v);
    sum[v] = _mm512_add_epi32(sum[v], _mm512_madd_epi16(even, even_weights));
    if (Taps == 1) continue;
    const __m512i odd = _mm512_srli_epi16(taps[v], 8);
    const __m512i odd_weights = _mm512_loadu_si512(weights + 64 * v + 32);
    sum[v] = _mm512_add_epi32(sum[v], _mm512_madd_epi16(odd, odd_weights));
  }
}

void add_all_taps(int taps, const std::uint8_t* const* a, int channel, const std::int16_t* weights,
                  __m512i sum[4]) {
  for (; taps >= 4; taps -= 4, a += 4, weights += kGroupWeights) {
    add_taps<4>(a, channel, weights, sum);
  }
  if (taps == 1) add_taps<1>(a, channel, weights, sum);
  if (taps == 2) add_taps<2>(a, channel, weights, sum);
  if (taps == 3) add_taps<3>(a, channel, weights, sum);
}

/// The 16 elements of the v-th vector, from four runs of 4 channels.
__m512i load_in_order(const void* per_channel, int v) {
  const auto* runs = static_cast<const __m128i*>(per_channel) + v;
  __m512i vector = _mm512_castsi128_si512(_mm_loadu_si128(runs));
  vector = _mm512_inserti32x4(vector, _mm_loadu_si128(runs + 4), 1);
  vector = _mm512_inserti32x4(vector, _mm_loadu_si128(runs + 8), 2);
  return _mm512_inserti32x4(vector, _mm_loadu_si128(runs + 12), 3);
}

struct Requantization {
  __m512 multiplier[4];
  __m512 low, high;
  __m512i zero;
};

/// 64 codes in the order of their channels: packing undoes the interleaving.
__m512i requantize(const __m512i sum[4], const Requantization& r) {
  __m512i code[4];
  for (int v = 0; v < 4; ++v) {
    const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[v]), r.multiplier[v]);
    code[v] = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(real, r.low), r.high));
  }
  const __m512i words01 = _mm512_add_epi16(_mm512_packs_epi32(code[0], code[1]), r.zero);
  const __m512i words23 = _mm512_add_epi16(_mm512_packs_epi32(code[2], code[3]), r.zero);
  return _mm512_packus_epi16(words01, words23);
}

__mmask16 first_lanes(int count) {
  return count >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << count) - 1);
}

/// `Vectors` * 16 channels of Pixels output pixels, which share the loads of the weights. As 16
/// floats past the channels are readable, only the stores of the last vector need a mask.
template <int Pixels, int Vectors>
void convolve_f32(const DepthwiseF32Args& args, int first_pixel, int channel) {
  const float* const* a[Pixels];
  __m512 sum[Pixels][Vectors];
  for (int p = 0; p < Pixels; ++p) {
    a[p] = args.a + static_cast<std::ptrdiff_t>(first_pixel + p) * args.taps;
    for (int v = 0; v < Vectors; ++v) sum[p][v] = _mm512_loadu_ps(args.bias + channel + 16 * v);
  }
  const float* row = args.weights + channel;
  for (int t = 0; t < args.taps; ++t, row += args.channels) {
    __m512 weights[Vectors];
    for (int v = 0; v < Vectors; ++v) weights[v] = _mm512_loadu_ps(row + 16 * v);
    for (int p = 0; p < Pixels; ++p) {
      const float* x = a[p][t] + channel;
      for (int v = 0; v < Vectors; ++v) {
        sum[p][v] = _mm512_fmadd_ps(_mm512_loadu_ps(x + 16 * v), weights[v], sum[p][v]);
      }
    }
  }
  const __m512 low = _mm512_set1_ps(args.low), high = _mm512_set1_ps(args.high);
  for (int p = 0; p < Pixels; ++p) {
    float* c = args.c + (first_pixel + p) * args.c_stride + channel;
    for (int v = 0; v < Vectors; ++v) {
      // The bound comes first: max and min return their second operand if either is NaN.
      const __m512 clamped = _mm512_min_ps(high, _mm512_max_ps(low, sum[p][v]));
      _mm512_mask_storeu_ps(c + 16 * v, first_lanes(args.channels - channel - 16 * v), clamped);
    }
  }
}

template <int Vectors>
void convolve_f32(const DepthwiseF32Args& args, int channel) {
  int p = 0;
  for (; p + 4 <= args.pixels; p += 4) convolve_f32<4, Vectors>(args, p, channel);
  for (; p < args.pixels; ++p) convolve_f32<1, Vectors>(args, p, channel);
}

}  // namespace

void depthwise_u8s8_avx512(const DepthwiseU8S8Args& args) noexcept {
  const int block_weights = (args.taps + 3) / 4 * kGroupWeights;
  const auto* weights = static_cast<const std::int16_t*>(args.weights);
  Requantization requantization;
  requantization.low = _mm512_set1_ps(static_cast<float>(args.q_low - args.c_zero));
  requantization.high = _mm512_set1_ps(static_cast<float>(args.q_high - args.c_zero));
  requantization.zero = _mm512_set1_epi16(static_cast<std::int16_t>(args.c_zero));
  for (int channel = 0; channel < args.channels; channel += kBlock) {
    const int count = args.channels - channel;
    const __mmask64 lanes = count >= kBlock ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
    __m512i bias[4];
    for (int v = 0; v < 4; ++v) {
      bias[v] = load_in_order(args.bias + channel, v);
      requantization.multiplier[v] =
          _mm512_castsi512_ps(load_in_order(args.multiplier + channel, v));
    }
    for (int p = 0; p < args.pixels; ++p) {
      __m512i sum[4] = {bias[0], bias[1], bias[2], bias[3]};
      add_all_taps(args.taps, args.a + static_cast<std::ptrdiff_t>(p) * args.taps, channel, weights,
                   sum);
      _mm512_mask_storeu_epi8(args.c + p * args.c_stride + channel, lanes,
                              requantize(sum, requantization));
    }
    weights += block_weights;
  }
}

void depthwise_f32_avx512(const DepthwiseF32Args& args) noexcept {
  int channel = 0;
  for (; channel + 32 <= args.channels; channel += 32) convolve_f32<2>(args, channel);
  for (; channel < args.channels; channel += 16) convolve_f32<1>(args, channel);
}

}  // namespace octet
