#include "octet/runtime/kernels/eltwise/eltwise.h"

#include <algorithm>

namespace octet {

void add_u8_reference(const EltwiseU8Args& args) noexcept;
void mul_u8_reference(const EltwiseU8Args& args) noexcept;
void add_f32_reference(const EltwiseF32Args& args) noexcept;
void mul_f32_reference(const EltwiseF32Args& args) noexcept;
void clamp_f32_reference(const EltwiseF32Args& args) noexcept;
void hard_f32_reference(const HardF32Args& args) noexcept;

void add_u8_avx2(const EltwiseU8Args& args) noexcept;
void mul_u8_avx2(const EltwiseU8Args& args) noexcept;
void add_f32_avx2(const EltwiseF32Args& args) noexcept;
void mul_f32_avx2(const EltwiseF32Args& args) noexcept;
void clamp_f32_avx2(const EltwiseF32Args& args) noexcept;
void hard_f32_avx2(const HardF32Args& args) noexcept;

void add_u8_avx512(const EltwiseU8Args& args) noexcept;
void mul_u8_avx512(const EltwiseU8Args& args) noexcept;
void add_f32_avx512(const EltwiseF32Args& args) noexcept;
void mul_f32_avx512(const EltwiseF32Args& args) noexcept;
void clamp_f32_avx512(const EltwiseF32Args& args) noexcept;
void hard_f32_avx512(const HardF32Args& args) noexcept;

namespace {

constexpr EltwiseKernel kKernels[] = {
    {"avx512", Isa::kAvx2 | Isa::kAvx512, add_u8_avx512, mul_u8_avx512, add_f32_avx512,
     mul_f32_avx512, clamp_f32_avx512, hard_f32_avx512},
    {"avx2", Isa::kAvx2, add_u8_avx2, mul_u8_avx2, add_f32_avx2, mul_f32_avx2, clamp_f32_avx2,
     hard_f32_avx2},
    {"reference", Isa::kBaseline, add_u8_reference, mul_u8_reference, add_f32_reference,
     mul_f32_reference, clamp_f32_reference, hard_f32_reference},
};

}  // namespace

std::span<const EltwiseKernel> eltwise_kernels() { return kKernels; }

const EltwiseKernel& select_eltwise(Isa have) {
  return *std::ranges::find_if(
      kKernels, [=](const EltwiseKernel& kernel) { return contains(have, kernel.needs); });
}

}  // namespace octet
