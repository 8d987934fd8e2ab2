#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "octet/runtime/kernels/depthwise/depthwise.h"

// The interleaving of taps and the order of channels are explained in depthwise_pack.h. It works
// within 16 bytes, so the lower half of every vector of a block holds its first 32 channels: what
// is left at the end is often no more, and half as wide an instruction costs half.

namespace octet {
namespace {

constexpr int kBlock = 64;                 // channels
constexpr int kGroupWeights = 4 * 16 * 4;  // [v][i][tap]

/// 64 channels.
struct Whole {
  using Codes = __m512i;
  using Reals = __m512;
  static Codes zero() noexcept { return _mm512_setzero_si512(); }
  static Codes load(const void* p) noexcept { return _mm512_loadu_si512(p); }
  static Codes low8(Codes a, Codes b) noexcept { return _mm512_unpacklo_epi8(a, b); }
  static Codes high8(Codes a, Codes b) noexcept { return _mm512_unpackhi_epi8(a, b); }
  static Codes low16(Codes a, Codes b) noexcept { return _mm512_unpacklo_epi16(a, b); }
  static Codes high16(Codes a, Codes b) noexcept { return _mm512_unpackhi_epi16(a, b); }
  static Codes dot(Codes sum, Codes x, Codes w) noexcept { return _mm512_dpbusd_epi32(sum, x, w); }
  static Codes all16(int x) noexcept { return _mm512_set1_epi16(static_cast<std::int16_t>(x)); }
  static Reals all(float x) noexcept { return _mm512_set1_ps(x); }
  static Reals reals(Codes bits) noexcept { return _mm512_castsi512_ps(bits); }
  static Codes round(Codes sum, Reals multiplier, Reals low, Reals high) noexcept {
    const Reals real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier);
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(real, low), high));
  }
  static Codes pack(const Codes (&code)[4], Codes zero) noexcept {
    const Codes words01 = _mm512_add_epi16(_mm512_packs_epi32(code[0], code[1]), zero);
    const Codes words23 = _mm512_add_epi16(_mm512_packs_epi32(code[2], code[3]), zero);
    return _mm512_packus_epi16(words01, words23);
  }
  static void store(std::uint8_t* c, int count, Codes codes) noexcept {
    const __mmask64 lanes = count >= kBlock ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
    _mm512_mask_storeu_epi8(c, lanes, codes);
  }
  /// The elements of the v-th vector, from four runs of 4 channels.
  static Codes load_in_order(const void* per_channel, int v) noexcept {
    const auto* runs = static_cast<const __m128i*>(per_channel) + v;
    __m512i vector = _mm512_castsi128_si512(_mm_loadu_si128(runs));
    vector = _mm512_inserti32x4(vector, _mm_loadu_si128(runs + 4), 1);
    vector = _mm512_inserti32x4(vector, _mm_loadu_si128(runs + 8), 2);
    return _mm512_inserti32x4(vector, _mm_loadu_si128(runs + 12), 3);
  }
};

/// The first 32 channels of a block.
struct Half {
  using Codes = __m256i;
  using Reals = __m256;
  static Codes zero() noexcept { return _mm256_setzero_si256(); }
  static Codes load(const void* p) noexcept {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static Codes low8(Codes a, Codes b) noexcept { return _mm256_unpacklo_epi8(a, b); }
  static Codes high8(Codes a, Codes b) noexcept { return _mm256_unpackhi_epi8(a, b); }
  static Codes low16(Codes a, Codes b) noexcept { return _mm256_unpacklo_epi16(a, b); }
  static Codes high16(Codes a, Codes b) noexcept { return _mm256_unpackhi_epi16(a, b); }
  static Codes dot(Codes sum, Codes x, Codes w) noexcept { return _mm256_dpbusd_epi32(sum, x, w); }
  static Codes all16(int x) noexcept { return _mm256_set1_epi16(static_cast<std::int16_t>(x)); }
  static Reals all(float x) noexcept { return _mm256_set1_ps(x); }
  static Reals reals(Codes bits) noexcept { return _mm256_castsi256_ps(bits); }
  static Codes round(Codes sum, Reals multiplier, Reals low, Reals high) noexcept {
    const Reals real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), multiplier);
    return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(real, low), high));
  }
  static Codes pack(const Codes (&code)[4], Codes zero) noexcept {
    const Codes words01 = _mm256_add_epi16(_mm256_packs_epi32(code[0], code[1]), zero);
    const Codes words23 = _mm256_add_epi16(_mm256_packs_epi32(code[2], code[3]), zero);
    return _mm256_packus_epi16(words01, words23);
  }
  static void store(std::uint8_t* c, int count, Codes codes) noexcept {
    const auto lanes = static_cast<__mmask32>((std::uint64_t{1} << count) - 1);
    _mm256_mask_storeu_epi8(c, lanes, codes);
  }
  static Codes load_in_order(const void* per_channel, int v) noexcept {
    const auto* runs = static_cast<const __m128i*>(per_channel) + v;
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(runs)),
                                   _mm_loadu_si128(runs + 4), 1);
  }
};

/// Adds the products of the next kTaps <= 4 taps to the 4 sums of a channel block.
template <typename Width, int kTaps>
inline void add_taps(const std::uint8_t* const* a, int channel, const std::int8_t* weights,
                     typename Width::Codes (&sum)[4]) noexcept {
  using Codes = typename Width::Codes;
  const Codes none = Width::zero();
  const Codes tap0 = Width::load(a[0] + channel);
  const Codes tap1 = kTaps > 1 ? Width::load(a[1] + channel) : none;
  const Codes tap2 = kTaps > 2 ? Width::load(a[2] + channel) : none;
  const Codes tap3 = kTaps > 3 ? Width::load(a[3] + channel) : none;
  const Codes low01 = Width::low8(tap0, tap1), high01 = Width::high8(tap0, tap1);
  const Codes low23 = Width::low8(tap2, tap3), high23 = Width::high8(tap2, tap3);
  const Codes taps[4] = {Width::low16(low01, low23), Width::high16(low01, low23),
                         Width::low16(high01, high23), Width::high16(high01, high23)};
  // Four products of at most 255 * 128 each are added to 32 bits at once: exact.
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    sum[v] = Width::dot(sum[v], taps[v], Width::load(weights + 64 * v));
  }
}

/// kTaps taps, or `taps` if it is 0.
template <typename Width, int kTaps>
inline void add_all_taps(int taps, const std::uint8_t* const* a, int channel,
                         const std::int8_t* weights, typename Width::Codes (&sum)[4]) noexcept {
  if constexpr (kTaps > 0) {
#pragma GCC unroll 8
    for (int t = 0; t + 4 <= kTaps; t += 4) {
      add_taps<Width, 4>(a + t, channel, weights + t / 4 * kGroupWeights, sum);
    }
    constexpr int kLeft = kTaps % 4;
    if constexpr (kLeft > 0) {
      add_taps<Width, kLeft>(a + kTaps - kLeft, channel, weights + kTaps / 4 * kGroupWeights, sum);
    }
  } else {
    for (; taps >= 4; taps -= 4, a += 4, weights += kGroupWeights) {
      add_taps<Width, 4>(a, channel, weights, sum);
    }
    if (taps == 1) add_taps<Width, 1>(a, channel, weights, sum);
    if (taps == 2) add_taps<Width, 2>(a, channel, weights, sum);
    if (taps == 3) add_taps<Width, 3>(a, channel, weights, sum);
  }
}

/// `count` channels of all pixels.
template <typename Width, int kTaps>
void run_block(const DepthwiseU8S8Args& args, int channel, int count,
               const std::int8_t* weights) noexcept {
  using Codes = typename Width::Codes;
  using Reals = typename Width::Reals;
  const Reals low = Width::all(static_cast<float>(args.q_low - args.c_zero));
  const Reals high = Width::all(static_cast<float>(args.q_high - args.c_zero));
  const Codes zero = Width::all16(args.c_zero);
  Codes bias[4];
  Reals multiplier[4];
  for (int v = 0; v < 4; ++v) {
    bias[v] = Width::load_in_order(args.bias + channel, v);
    multiplier[v] = Width::reals(Width::load_in_order(args.multiplier + channel, v));
  }
  const std::uint8_t* const* a = args.a;
  std::uint8_t* c = args.c + channel;
  for (int p = 0; p < args.pixels; ++p, a += args.taps, c += args.c_stride) {
    Codes sum[4] = {bias[0], bias[1], bias[2], bias[3]};
    add_all_taps<Width, kTaps>(args.taps, a, channel, weights, sum);
    Codes code[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) code[v] = Width::round(sum[v], multiplier[v], low, high);
    Width::store(c, count, Width::pack(code, zero));  // packing undoes the interleaving
  }
}

template <int kTaps>
void run_blocks(const DepthwiseU8S8Args& args) noexcept {
  const int block_weights = (args.taps + 3) / 4 * kGroupWeights;
  const auto* weights = static_cast<const std::int8_t*>(args.weights);
  for (int channel = 0; channel < args.channels; channel += kBlock, weights += block_weights) {
    const int count = args.channels - channel < kBlock ? args.channels - channel : kBlock;
    if (count <= kBlock / 2) {
      run_block<Half, kTaps>(args, channel, count, weights);
    } else {
      run_block<Whole, kTaps>(args, channel, count, weights);
    }
  }
}

}  // namespace

void depthwise_u8s8_avx512vnni(const DepthwiseU8S8Args& args) noexcept {
  if (args.taps == 9) {
    run_blocks<9>(args);
  } else if (args.taps == 25) {
    run_blocks<25>(args);
  } else {
    run_blocks<0>(args);
  }
}

}  // namespace octet
