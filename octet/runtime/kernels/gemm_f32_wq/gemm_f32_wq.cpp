#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq.h"

#include <algorithm>

#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq_tiles.h"

namespace octet {
namespace {

constexpr GemmF32WqKernel kKernels[] = {
    {"avx512", Isa::kAvx512, 4, kWqAvx512Mr, kWqAvx512Nr, kWqAvx512Lanes, gemm_f32_w4_avx512},
    {"avx2", Isa::kAvx2, 4, kWqAvx2Mr, kWqAvx2Nr, kWqAvx2Lanes, gemm_f32_w4_avx2},
    {"reference", Isa::kBaseline, 4, 4, 1, 1, gemm_f32_w4_reference},
    {"avx512", Isa::kAvx512, 8, kWqAvx512Mr, kWqAvx512Nr, kWqAvx512Lanes, gemm_f32_w8_avx512},
    {"avx2", Isa::kAvx2, 8, kWqAvx2Mr, kWqAvx2Nr, kWqAvx2Lanes, gemm_f32_w8_avx2},
    {"reference", Isa::kBaseline, 8, 4, 1, 1, gemm_f32_w8_reference},
};

std::size_t padded_columns(const GemmF32WqKernel& kernel, int n) {
  return static_cast<std::size_t>((n + kernel.lanes - 1) / kernel.lanes) *
         static_cast<std::size_t>(kernel.lanes);
}

}  // namespace

int GemmF32WqKernel::panel_width(int n, int first) const {
  const int columns = std::min(nr, n - first);
  return (columns + lanes - 1) / lanes * lanes;
}

std::size_t GemmF32WqKernel::panel_words(int depth) const {
  const int per_word = 32 / bits;
  return static_cast<std::size_t>((depth + per_word - 1) / per_word);
}

std::size_t GemmF32WqKernel::packed_words(int depth, int n) const {
  return panel_words(depth) * padded_columns(*this, n);
}

std::size_t GemmF32WqKernel::packed_parameters(int blocks, int n) const {
  return static_cast<std::size_t>(blocks) * padded_columns(*this, n);
}

void pack_wq_codes(const GemmF32WqKernel& kernel, int depth, int columns, int width,
                   const std::uint8_t* codes, std::uint32_t* packed) {
  const int per_word = 32 / kernel.bits;
  for (int j = 0; j < columns; ++j, codes += depth) {
    for (int k = 0; k < depth; ++k) {
      packed[static_cast<std::ptrdiff_t>(k / per_word) * width + j] |=
          std::uint32_t{codes[k]} << (kernel.bits * (k % per_word));
    }
  }
}

std::span<const GemmF32WqKernel> gemm_f32_wq_kernels() { return kKernels; }

const GemmF32WqKernel& select_gemm_f32_wq(Isa have, int bits) {
  return *std::ranges::find_if(kKernels, [=](const GemmF32WqKernel& kernel) {
    return kernel.bits == bits && contains(have, kernel.needs);
  });
}

}  // namespace octet
