#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"

#include <algorithm>
#include <cstring>

#include "octet/runtime/kernels/gemm_packing.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8_tiles.h"

namespace octet {
namespace {

template <PanelLayout kLayout, typename Packed>
std::size_t packed_bytes(int taps, int channels, int n) {
  return packed_elements<kLayout>(taps, channels, n) * sizeof(Packed);
}

template <PanelLayout kLayout, typename Packed>
void pack(int taps, int channels, int n, const std::int8_t* weights, void* packed) {
  pack_panels<kLayout>(taps, channels, n, weights, static_cast<Packed*>(packed));
}

std::size_t reference_packed_bytes(int taps, int channels, int n) {
  return std::size_t(taps) * channels * n;
}

void reference_pack(int taps, int channels, int n, const std::int8_t* weights, void* packed) {
  std::memcpy(packed, weights, reference_packed_bytes(taps, channels, n));
}

std::size_t no_scratch(int, int) { return 0; }

std::size_t maddwd_scratch_bytes(int taps, int channels) {
  return kU8S8Avx2Mr * maddwd_row_elements(taps, channels) * sizeof(std::int16_t);
}

/// vpmaddubsw adds the products of channels 2i and 2i+1 in a saturating int16, and vpaddw those of
/// kRun groups of four channels in one that wraps. With activations in [0, 255] no sum on the way
/// leaves int16 if the positive weights of a lane sum to at most 128 and the negative to at least
/// -128: 255 * 128 = 32640 <= 32767.
template <int kRun>
bool maddubs_exact_for(int taps, int channels, int n, const std::int8_t* weights) {
  const std::size_t rows = std::size_t(n) * taps;
  for (std::size_t row = 0; row < rows; ++row, weights += channels) {
    for (int first = 0; first < channels; first += 4 * kRun) {
      int most[2] = {}, least[2] = {};  // of the lane of channels 0 and 1 of a group, of 2 and 3
      const int last = std::min(first + 4 * kRun, channels);
      for (int c = first; c < last; ++c) {
        most[c / 2 % 2] += std::max<int>(weights[c], 0);
        least[c / 2 % 2] += std::min<int>(weights[c], 0);
      }
      if (std::max(most[0], most[1]) > 128 || std::min(least[0], least[1]) < -128) return false;
    }
  }
  return true;
}

template <int kRun>
constexpr GemmU8S8Kernel maddubs_kernel(std::string_view name,
                                        void (*run)(const GemmU8S8Args&) noexcept) {
  return {.name = name,
          .needs = Isa::kAvx2,
          .mr = kU8S8Avx2Mr,
          .nr = kU8S8MaddubsLayout.nr,
          .run_length = kRun,
          .exact_for = maddubs_exact_for<kRun>,
          .packed_bytes = packed_bytes<kU8S8MaddubsLayout, std::int8_t>,
          .pack = pack<kU8S8MaddubsLayout, std::int8_t>,
          .scratch_bytes = no_scratch,
          .run = run};
}

constexpr GemmU8S8Kernel kKernels[] = {
    {.name = "avx512vnni",
     .needs = Isa::kAvx512 | Isa::kAvx512Vnni,
     .mr = kU8S8VnniMr,
     .nr = kU8S8VnniLayout.nr,
     .run_length = 1,
     .exact_for = nullptr,
     .packed_bytes = packed_bytes<kU8S8VnniLayout, std::int8_t>,
     .pack = pack<kU8S8VnniLayout, std::int8_t>,
     .scratch_bytes = no_scratch,
     .run = gemm_u8s8_avx512vnni},
    maddubs_kernel<2>("avx2_maddubs_x2", gemm_u8s8_avx2_maddubs_x2),
    maddubs_kernel<1>("avx2_maddubs", gemm_u8s8_avx2_maddubs),
    {.name = "avx2_maddwd",
     .needs = Isa::kAvx2,
     .mr = kU8S8Avx2Mr,
     .nr = kU8S8MaddwdLayout.nr,
     .run_length = 1,
     .exact_for = nullptr,
     .packed_bytes = packed_bytes<kU8S8MaddwdLayout, std::int16_t>,
     .pack = pack<kU8S8MaddwdLayout, std::int16_t>,
     .scratch_bytes = maddwd_scratch_bytes,
     .run = gemm_u8s8_avx2_maddwd},
    {.name = "reference",
     .needs = Isa::kBaseline,
     .mr = 4,
     .nr = 1,
     .run_length = 1,
     .exact_for = nullptr,
     .packed_bytes = reference_packed_bytes,
     .pack = reference_pack,
     .scratch_bytes = no_scratch,
     .run = gemm_u8s8_reference},
};

}  // namespace

std::span<const GemmU8S8Kernel> gemm_u8s8_kernels() { return kKernels; }

const GemmU8S8Kernel& select_gemm_u8s8(Isa have) {
  return *std::ranges::find_if(kKernels, [&](const GemmU8S8Kernel& kernel) {
    return contains(have, kernel.needs) && kernel.exact_for == nullptr;
  });
}

const GemmU8S8Kernel& select_gemm_u8s8(Isa have, int taps, int channels, int n,
                                       const std::int8_t* weights) {
  return *std::ranges::find_if(kKernels, [&](const GemmU8S8Kernel& kernel) {
    return contains(have, kernel.needs) &&
           (kernel.exact_for == nullptr || kernel.exact_for(taps, channels, n, weights));
  });
}

}  // namespace octet
