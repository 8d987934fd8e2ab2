#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "octet/graph/op.h"

// Arithmetic on one element that is defined for all of them.

namespace octet {

// Integers as ONNX's runtimes add and multiply them: modulo 2^64, of which the low bits are those
// of any narrower type.
template <typename T>
T wrapped_sum(T a, T b) {
  if constexpr (std::is_same_v<T, float>) return a + b;
  return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
template <typename T>
T wrapped_difference(T a, T b) {
  if constexpr (std::is_same_v<T, float>) return a - b;
  return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
template <typename T>
T wrapped_product(T a, T b) {
  if constexpr (std::is_same_v<T, float>) return a * b;
  return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

// NaN if one of the two is.
template <typename T>
T smaller(T a, T b) {
  return b < a || b != b ? b : a;
}
template <typename T>
T larger(T a, T b) {
  return a < b || b != b ? b : a;
}

/// x without its fraction, held within int64; 0 for NaN.
inline std::int64_t whole_part(double x) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (x >= kLimit) return std::numeric_limits<std::int64_t>::max();
  if (x < -kLimit) return std::numeric_limits<std::int64_t>::min();
  return std::isnan(x) ? 0 : static_cast<std::int64_t>(x);
}

/// A clamp on elements of T.
template <typename T>
struct Bounds {
  T low, high;
};

template <typename T>
Bounds<T> bounds_of(const Clamp& clamp) {
  if constexpr (std::is_same_v<T, float>) {
    return {clamp.low, clamp.high};
  } else {
    const auto held = [](double bound) {
      const auto lowest = std::int64_t{std::numeric_limits<T>::min()};
      const auto highest = std::int64_t{std::numeric_limits<T>::max()};
      return static_cast<T>(smaller(larger(whole_part(bound), lowest), highest));
    };
    return {held(std::ceil(double{clamp.low})), held(std::floor(double{clamp.high}))};
  }
}

/// NaN stays.
template <typename T>
T clamped(T x, const Bounds<T>& bounds) {
  const T raised = x < bounds.low ? bounds.low : x;
  return bounds.high < raised ? bounds.high : raised;
}

}  // namespace octet
