#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"

#include <algorithm>
#include <cstring>

#include "octet/runtime/kernels/gemm_f32/gemm_f32_tiles.h"
#include "octet/runtime/kernels/gemm_packing.h"

namespace octet {
namespace {

template <PanelLayout kLayout>
std::size_t packed_bytes(int taps, int channels, int n) {
  return packed_elements<kLayout>(taps, channels, n) * sizeof(float);
}

template <PanelLayout kLayout>
void pack(int taps, int channels, int n, const float* weights, float* packed) {
  pack_panels<kLayout>(taps, channels, n, weights, packed);
}

std::size_t reference_packed_bytes(int taps, int channels, int n) {
  return static_cast<std::size_t>(taps) * channels * n * sizeof(float);
}

void reference_pack(int taps, int channels, int n, const float* weights, float* packed) {
  std::memcpy(packed, weights, reference_packed_bytes(taps, channels, n));
}

constexpr GemmF32Kernel kKernels[] = {
    {.name = "avx512",
     .needs = Isa::kAvx512,
     .mr = kF32Avx512Mr,
     .nr = kF32Avx512Layout.nr,
     .packed_bytes = packed_bytes<kF32Avx512Layout>,
     .pack = pack<kF32Avx512Layout>,
     .run = gemm_f32_avx512},
    {.name = "avx2",
     .needs = Isa::kAvx2,
     .mr = kF32Avx2Mr,
     .nr = kF32Avx2Layout.nr,
     .packed_bytes = packed_bytes<kF32Avx2Layout>,
     .pack = pack<kF32Avx2Layout>,
     .run = gemm_f32_avx2},
    {.name = "reference",
     .needs = Isa::kBaseline,
     .mr = 4,
     .nr = 1,
     .packed_bytes = reference_packed_bytes,
     .pack = reference_pack,
     .run = gemm_f32_reference},
};

}  // namespace

std::span<const GemmF32Kernel> gemm_f32_kernels() { return kKernels; }

const GemmF32Kernel& select_gemm_f32(Isa have) {
  return *std::ranges::find_if(
      kKernels, [=](const GemmF32Kernel& kernel) { return contains(have, kernel.needs); });
}

}  // namespace octet
