#include <cmath>

#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8_tiles.h"

namespace octet {
namespace {

std::int32_t accumulate(const GemmU8S8Args& g, int row, int column) {
  const auto* weight = static_cast<const std::int8_t*>(g.weights) +
                       static_cast<std::ptrdiff_t>(column) * g.taps * g.channels;
  std::int32_t acc = g.bias[column] + (g.row_bias != nullptr ? g.row_bias[row] : 0);
  for (int t = 0; t < g.taps; ++t) {
    const std::uint8_t* a = g.a[t * g.rows + row];
    for (int c = 0; c < g.channels; ++c) acc += a[c] * *weight++;
  }
  return acc;
}

std::uint8_t requantize(const GemmU8S8Args& g, std::int32_t acc, float multiplier) {
  const auto low = static_cast<float>(g.q_low - g.c_zero);
  const auto high = static_cast<float>(g.q_high - g.c_zero);
  float value = static_cast<float>(acc) * multiplier;
  if (value < low) value = low;
  if (value > high) value = high;
  // nearbyint rounds half to even in the default rounding mode, as cvtps2dq does.
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(std::nearbyint(value)) + g.c_zero);
}

}  // namespace

void gemm_u8s8_reference(const GemmU8S8Args& g) noexcept {
  for (int r = 0; r < g.rows; ++r) {
    for (int j = 0; j < g.n; ++j) {
      const std::int32_t acc = accumulate(g, r, j);
      if (g.acc != nullptr) {
        g.acc[r * g.acc_stride + j] = acc;
      } else {
        g.c[r * g.c_stride + j] = requantize(g, acc, g.multiplier[j]);
      }
    }
  }
}

}  // namespace octet
