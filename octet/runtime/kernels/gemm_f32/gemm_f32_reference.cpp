#include <cmath>

#include "octet/runtime/kernels/gemm_f32/gemm_f32_tiles.h"

namespace octet {
namespace {

// A comparison with NaN is false, so NaN passes through both limits (as minps and maxps return
// their second operand).
float clamp(float value, float low, float high) {
  if (low > value) value = low;
  if (high < value) value = high;
  return value;
}

}  // namespace

void gemm_f32_reference(const GemmF32Args& g) noexcept {
  const float* weight = g.weights;
  for (int j = 0; j < g.n; ++j, weight += static_cast<std::ptrdiff_t>(g.taps) * g.channels) {
    for (int r = 0; r < g.rows; ++r) {
      float acc = g.continues ? g.c[r * g.c_stride + j] : g.bias[j];
      for (int t = 0; t < g.taps; ++t) {
        const float* a = g.a[t * g.rows + r];
        for (int c = 0; c < g.channels; ++c) {
          acc = std::fma(a[c], weight[static_cast<std::ptrdiff_t>(t) * g.channels + c], acc);
        }
      }
      g.c[r * g.c_stride + j] = clamp(acc, g.low, g.high);
    }
  }
}

}  // namespace octet
