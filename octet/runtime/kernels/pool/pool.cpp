#include "octet/runtime/kernels/pool/pool.h"

#include <algorithm>

namespace octet {

void max_pool_u8_reference(const MaxPoolArgs& args) noexcept;
void max_pool_f32_reference(const MaxPoolArgs& args) noexcept;
void average_pool_u8_reference(const AveragePoolU8Args& args) noexcept;
void average_pool_f32_reference(const AveragePoolF32Args& args) noexcept;

void max_pool_u8_avx2(const MaxPoolArgs& args) noexcept;
void max_pool_f32_avx2(const MaxPoolArgs& args) noexcept;
void average_pool_u8_avx2(const AveragePoolU8Args& args) noexcept;
void average_pool_f32_avx2(const AveragePoolF32Args& args) noexcept;

void max_pool_u8_avx512(const MaxPoolArgs& args) noexcept;
void max_pool_f32_avx512(const MaxPoolArgs& args) noexcept;
void average_pool_u8_avx512(const AveragePoolU8Args& args) noexcept;
void average_pool_f32_avx512(const AveragePoolF32Args& args) noexcept;

namespace {

constexpr PoolKernel kKernels[] = {
    {"avx512", Isa::kAvx2 | Isa::kAvx512, max_pool_u8_avx512, max_pool_f32_avx512,
     average_pool_u8_avx512, average_pool_f32_avx512},
    {"avx2", Isa::kAvx2, max_pool_u8_avx2, max_pool_f32_avx2, average_pool_u8_avx2,
     average_pool_f32_avx2},
    {"reference", Isa::kBaseline, max_pool_u8_reference, max_pool_f32_reference,
     average_pool_u8_reference, average_pool_f32_reference},
};

}  // namespace

std::span<const PoolKernel> pool_kernels() { return kKernels; }

const PoolKernel& select_pool(Isa have) {
  return *std::ranges::find_if(
      kKernels, [=](const PoolKernel& kernel) { return contains(have, kernel.needs); });
}

}  // namespace octet
