#include "octet/runtime/kernels/depthwise/depthwise_pack.h"

#include <cstring>

namespace octet {
namespace {

constexpr int kGroup = 4;    // taps
constexpr int kVectors = 4;  // per group and channel block

constexpr int groups_of(int taps) { return (taps + kGroup - 1) / kGroup; }

template <int Lanes>
constexpr int blocks_of(int channels) {
  constexpr int block = kVectors * Lanes;
  return (channels + block - 1) / block;
}

/// Calls place(block, group, v, i, tap within the group, weight) for each weight.
template <int Lanes, typename Place>
void for_each_weight(int taps, int channels, const std::int8_t* weights, Place place) {
  for (int t = 0; t < taps; ++t) {
    for (int c = 0; c < channels; ++c) {
      const int block = c / (kVectors * Lanes), within = c % (kVectors * Lanes);
      const int v = within % 16 / 4;
      const int i = within / 16 * 4 + within % 4;
      place(block, t / kGroup, v, i, t % kGroup, weights[std::size_t(t) * channels + c]);
    }
  }
}

}  // namespace

template <int Lanes>
std::size_t depthwise_packed_bytes_s8(int taps, int channels) {
  return std::size_t(blocks_of<Lanes>(channels)) * groups_of(taps) * kVectors * Lanes * kGroup;
}

template <int Lanes>
void depthwise_pack_s8(int taps, int channels, const std::int8_t* weights, void* packed) {
  auto* dst = static_cast<std::int8_t*>(packed);
  for_each_weight<Lanes>(taps, channels, weights,
                         [&](int block, int group, int v, int i, int tap, std::int8_t weight) {
                           const std::size_t vector =
                               (std::size_t(block) * groups_of(taps) + group) * kVectors + v;
                           dst[(vector * Lanes + i) * kGroup + tap] = weight;
                         });
}

template <int Lanes>
std::size_t depthwise_packed_bytes_s16(int taps, int channels) {
  return depthwise_packed_bytes_s8<Lanes>(taps, channels) * sizeof(std::int16_t);
}

template <int Lanes>
void depthwise_pack_s16(int taps, int channels, const std::int8_t* weights, void* packed) {
  auto* dst = static_cast<std::int16_t*>(packed);
  for_each_weight<Lanes>(taps, channels, weights,
                         [&](int block, int group, int v, int i, int tap, std::int8_t weight) {
                           const std::size_t vector =
                               (std::size_t(block) * groups_of(taps) + group) * kVectors + v;
                           const std::size_t odd = tap % 2;
                           dst[((vector * 2 + odd) * Lanes + i) * 2 + tap / 2] = weight;
                         });
}

template std::size_t depthwise_packed_bytes_s8<16>(int, int);
template void depthwise_pack_s8<16>(int, int, const std::int8_t*, void*);
template std::size_t depthwise_packed_bytes_s16<8>(int, int);
template void depthwise_pack_s16<8>(int, int, const std::int8_t*, void*);
template std::size_t depthwise_packed_bytes_s16<16>(int, int);
template void depthwise_pack_s16<16>(int, int, const std::int8_t*, void*);

std::size_t depthwise_packed_bytes_plain(int taps, int channels) {
  return std::size_t(taps) * channels;
}

void depthwise_pack_plain(int taps, int channels, const std::int8_t* weights, void* packed) {
  std::memcpy(packed, weights, depthwise_packed_bytes_plain(taps, channels));
}

}  // namespace octet
