#pragma once

#include <cstddef>
#include <cstdint>

// Weight layouts of the depthwise kernels.
//
// A vector kernel takes 4 taps at a time. It loads 4 * Lanes channels of each (one vector of bytes)
// and interleaves them by unpacking bytes and then pairs of bytes, which gives 4 vectors v whose
// Lanes 32-bit elements i hold the 4 taps of one channel:
//
//   channel(v, i) = 16 * (i / 4) + 4 * v + i % 4       since unpacking works within 16 bytes
//
// vpdpbusd takes such an element as it is. vpmaddwd needs 16-bit numbers: taps 0 and 2 are the even
// bytes (a mask), taps 1 and 3 the odd ones (a shift), so that the four taps cost no more
// unpacking. Missing taps and channels have zero weights.

namespace octet {

/// int8 [channel block][group of 4 taps][v][i][tap], for vpdpbusd
template <int Lanes>
std::size_t depthwise_packed_bytes_s8(int taps, int channels);
template <int Lanes>
void depthwise_pack_s8(int taps, int channels, const std::int8_t* weights, void* packed);

/// int16 [channel block][group of 4 taps][v][odd][i][tap / 2], for vpmaddwd
template <int Lanes>
std::size_t depthwise_packed_bytes_s16(int taps, int channels);
template <int Lanes>
void depthwise_pack_s16(int taps, int channels, const std::int8_t* weights, void* packed);

/// int8 [taps][channels]
std::size_t depthwise_packed_bytes_plain(int taps, int channels);
void depthwise_pack_plain(int taps, int channels, const std::int8_t* weights, void* packed);

}  // namespace octet
