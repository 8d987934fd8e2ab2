#pragma once

#include <cmath>
#include <cstdint>

// The scalar arithmetic that the references of several families share. Files with instruction-set
// flags never include this: an inline function compiled there could be linked into baseline code.

namespace octet {

/// round_half_even(x) clamped to [low, high]; NaN gives low. Clamped before the conversion to
/// integer, which would wrap (numerics clause 1); as the bounds are integers the order of clamping
/// and rounding does not matter.
inline std::int32_t round_clamped(float x, std::int32_t low, std::int32_t high) {
  const float lowest = static_cast<float>(low), highest = static_cast<float>(high);
  const float raised = x > lowest ? x : lowest;
  const float clamped = raised < highest ? raised : highest;
  return static_cast<std::int32_t>(std::nearbyint(clamped));
}

/// Numerics clause 5.
inline std::uint8_t requantize(std::int32_t acc, float multiplier, std::int32_t zero,
                               std::int32_t q_low, std::int32_t q_high) {
  return static_cast<std::uint8_t>(
      round_clamped(static_cast<float>(acc) * multiplier, q_low - zero, q_high - zero) + zero);
}

/// min(max(x, low), high) of float results. NaN stays NaN: a broken network must not look healthy.
inline float clamp_f32(float x, float low, float high) {
  const float raised = low > x ? low : x;
  return high < raised ? high : raised;
}

}  // namespace octet
