#include <cmath>

#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq_tiles.h"

namespace octet {
namespace {

// As in gemm_f32: NaN passes through both limits.
float clamp(float value, float low, float high) {
  if (low > value) value = low;
  if (high < value) value = high;
  return value;
}

template <int kBits>
void gemm(const GemmF32WqArgs& g) noexcept {
  constexpr int kPerWord = kWqPerWord<kBits>;
  const int words = (g.depth + kPerWord - 1) / kPerWord;
  const int blocks = (g.depth - 1) / g.block + 1;
  for (int j = 0; j < g.n; ++j) {
    const std::uint32_t* codes = g.codes + static_cast<std::ptrdiff_t>(j) * words;
    const std::ptrdiff_t parameters = static_cast<std::ptrdiff_t>(j) * blocks;
    for (int r = 0; r < g.rows; ++r) {
      float acc = g.bias[j];
      for (int k = 0; k < g.depth; ++k) {
        const std::ptrdiff_t at = parameters + k / g.block;
        const auto code = static_cast<int>(codes[k / kPerWord] >> (kBits * (k % kPerWord)) &
                                           ((1u << kBits) - 1u));
        const int zero = g.zero != nullptr ? g.zero[at] : g.common_zero;
        acc = std::fma(g.a[r][k], static_cast<float>(code - zero) * g.scale[at], acc);
      }
      g.c[r * g.c_stride + j] = clamp(acc, g.low, g.high);
    }
  }
}

}  // namespace

void gemm_f32_w4_reference(const GemmF32WqArgs& g) noexcept { gemm<4>(g); }
void gemm_f32_w8_reference(const GemmF32WqArgs& g) noexcept { gemm<8>(g); }

}  // namespace octet
