#pragma once

#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq.h"

// The contract between the table, the packing and the instruction-set files of this family.
//
// A vector of words holds 32 / bits codes of each of its columns. A code becomes a float without a
// conversion: its bits, masked, are OR-ed into the mantissa of a power of two whose unit in the
// last place makes them count 1, and subtracting that power is exact. The lowest kWqDirect<bits>
// codes of a word lie within the 23 bits of a mantissa; for the others the word is shifted once.

namespace octet {

template <int kBits>
inline constexpr int kWqPerWord = 32 / kBits;
template <int kBits>
inline constexpr int kWqDirect = 23 / kBits;
/// Codes by which the word is shifted for those that are not direct.
template <int kBits>
inline constexpr int kWqShifted = kWqPerWord<kBits> - kWqDirect<kBits>;
/// Where code `index` lies: direct, or after the shift.
template <int kBits>
constexpr int wq_position(int index) {
  return index < kWqDirect<kBits> ? index : index - kWqShifted<kBits>;
}
template <int kBits>
constexpr std::uint32_t wq_mask(int index) {
  return ((1u << kBits) - 1u) << (kBits * wq_position<kBits>(index));
}
/// The power of two, as a number and as bits.
template <int kBits>
constexpr int wq_base(int index) {
  return 1 << (23 - kBits * wq_position<kBits>(index));
}
template <int kBits>
constexpr std::uint32_t wq_base_bits(int index) {
  return static_cast<std::uint32_t>(127 + 23 - kBits * wq_position<kBits>(index)) << 23;
}

constexpr int kWqAvx2Mr = 4, kWqAvx2Nr = 16, kWqAvx2Lanes = 8;
constexpr int kWqAvx512Mr = 8, kWqAvx512Nr = 48, kWqAvx512Lanes = 16;

void gemm_f32_w4_reference(const GemmF32WqArgs& args) noexcept;
void gemm_f32_w8_reference(const GemmF32WqArgs& args) noexcept;
void gemm_f32_w4_avx2(const GemmF32WqArgs& args) noexcept;
void gemm_f32_w8_avx2(const GemmF32WqArgs& args) noexcept;
void gemm_f32_w4_avx512(const GemmF32WqArgs& args) noexcept;
void gemm_f32_w8_avx512(const GemmF32WqArgs& args) noexcept;

}  // namespace octet
