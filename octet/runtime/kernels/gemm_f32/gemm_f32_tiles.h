#pragma once

#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/gemm_panels.h"

// The contract between the table, the packing and the instruction-set files of this family.

namespace octet {

constexpr int kF32Avx2Mr = 6;
constexpr PanelLayout kF32Avx2Layout = {.nr = 16, .lanes = 8, .group = 1};
constexpr int kF32Avx512Mr = 8;
constexpr PanelLayout kF32Avx512Layout = {.nr = 48, .lanes = 16, .group = 1};

void gemm_f32_reference(const GemmF32Args& args) noexcept;
void gemm_f32_avx2(const GemmF32Args& args) noexcept;
void gemm_f32_avx512(const GemmF32Args& args) noexcept;

}  // namespace octet
