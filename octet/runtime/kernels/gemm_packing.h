#pragma once

#include <algorithm>
#include <cstddef>

#include "octet/runtime/kernels/gemm_panels.h"

namespace octet {

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

template <PanelLayout kLayout>
constexpr std::size_t packed_elements(int taps, int channels, int n) {
  return static_cast<std::size_t>(taps) * round_up(channels, kLayout.group) *
         round_up(n, kLayout.lanes);
}

/// weights [n][taps][channels] -> packed. The destination is zero-filled.
template <PanelLayout kLayout, typename Source, typename Packed>
void pack_panels(int taps, int channels, int n, const Source* weights, Packed* packed) {
  constexpr int kGroup = kLayout.group;
  for (int first = 0; first < n; first += kLayout.nr) {
    const int columns = std::min(n - first, kLayout.nr);
    const std::size_t width = round_up(columns, kLayout.lanes);
    for (int t = 0; t < taps; ++t) {
      for (int j = 0; j < columns; ++j) {
        const Source* source =
            weights + (static_cast<std::size_t>(first + j) * taps + t) * channels;
        for (int c = 0; c < channels; ++c) {
          packed[(c / kGroup * width + j) * kGroup + c % kGroup] = static_cast<Packed>(source[c]);
        }
      }
      packed += width * round_up(channels, kGroup);
    }
  }
}

}  // namespace octet
