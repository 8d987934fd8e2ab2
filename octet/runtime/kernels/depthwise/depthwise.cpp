#include "octet/runtime/kernels/depthwise/depthwise.h"

#include <algorithm>

#include "octet/runtime/kernels/depthwise/depthwise_pack.h"

namespace octet {

void depthwise_u8s8_reference(const DepthwiseU8S8Args& args) noexcept;
void depthwise_u8s8_avx2(const DepthwiseU8S8Args& args) noexcept;
void depthwise_u8s8_avx512(const DepthwiseU8S8Args& args) noexcept;
void depthwise_u8s8_avx512vnni(const DepthwiseU8S8Args& args) noexcept;

void depthwise_f32_reference(const DepthwiseF32Args& args) noexcept;
void depthwise_f32_avx2(const DepthwiseF32Args& args) noexcept;
void depthwise_f32_avx512(const DepthwiseF32Args& args) noexcept;

namespace {

constexpr Isa kAvx512Level = Isa::kAvx2 | Isa::kAvx512;

constexpr DepthwiseU8S8Kernel kU8S8Kernels[] = {
    {"avx512vnni", kAvx512Level | Isa::kAvx512Vnni, depthwise_packed_bytes_s8<16>,
     depthwise_pack_s8<16>, depthwise_u8s8_avx512vnni},
    {"avx512", kAvx512Level, depthwise_packed_bytes_s16<16>, depthwise_pack_s16<16>,
     depthwise_u8s8_avx512},
    {"avx2", Isa::kAvx2, depthwise_packed_bytes_s16<8>, depthwise_pack_s16<8>, depthwise_u8s8_avx2},
    {"reference", Isa::kBaseline, depthwise_packed_bytes_plain, depthwise_pack_plain,
     depthwise_u8s8_reference},
};

constexpr DepthwiseF32Kernel kF32Kernels[] = {
    {"avx512", kAvx512Level, depthwise_f32_avx512},
    {"avx2", Isa::kAvx2, depthwise_f32_avx2},
    {"reference", Isa::kBaseline, depthwise_f32_reference},
};

}  // namespace

std::span<const DepthwiseU8S8Kernel> depthwise_u8s8_kernels() { return kU8S8Kernels; }
std::span<const DepthwiseF32Kernel> depthwise_f32_kernels() { return kF32Kernels; }

const DepthwiseU8S8Kernel& select_depthwise_u8s8(Isa have) {
  return *std::ranges::find_if(kU8S8Kernels, [=](const DepthwiseU8S8Kernel& kernel) {
    return contains(have, kernel.needs);
  });
}

const DepthwiseF32Kernel& select_depthwise_f32(Isa have) {
  return *std::ranges::find_if(
      kF32Kernels, [=](const DepthwiseF32Kernel& kernel) { return contains(have, kernel.needs); });
}

}  // namespace octet
