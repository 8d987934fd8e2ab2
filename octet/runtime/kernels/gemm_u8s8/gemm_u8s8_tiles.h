#pragma once

#include <cstddef>

#include "octet/runtime/kernels/gemm_panels.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"

// The contract between the table, the packing and the instruction-set files of this family.

namespace octet {

constexpr int kU8S8Avx2Mr = 6;
constexpr PanelLayout kU8S8MaddubsLayout = {.nr = 16, .lanes = 8, .group = 4};
constexpr PanelLayout kU8S8MaddwdLayout = {.nr = 16, .lanes = 8, .group = 2};
constexpr int kU8S8VnniMr = 8;
constexpr PanelLayout kU8S8VnniLayout = {.nr = 32, .lanes = 16, .group = 4};

/// Elements of one widened row of avx2_maddwd: each tap in whole pairs, and room for the last store
/// of 16 to reach past the end. `static`: the instruction-set files export no copy of it.
static inline constexpr std::size_t maddwd_row_elements(int taps, int channels) noexcept {
  return static_cast<std::size_t>(taps) * ((channels + 1) / 2 * 2) + 16;
}

void gemm_u8s8_reference(const GemmU8S8Args& args) noexcept;
void gemm_u8s8_avx2_maddubs(const GemmU8S8Args& args) noexcept;
void gemm_u8s8_avx2_maddubs_x2(const GemmU8S8Args& args) noexcept;
void gemm_u8s8_avx2_maddwd(const GemmU8S8Args& args) noexcept;
void gemm_u8s8_avx512vnni(const GemmU8S8Args& args) noexcept;

}  // namespace octet
