#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/graph/tensor_view.h"

// Single elements of quantized tensors, for the functions that compute with them.

namespace octet {

struct IntegerLimits {
  std::int64_t min = 0, max = 255;
};

inline IntegerLimits limits_of_integers(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return {-128, 127};
    case DType::kInt4:
      return {-8, 7};
    case DType::kUInt4:
      return {0, 15};
    case DType::kInt32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    default:
      return {};
  }
}

/// REQUIRES an integer dtype of at most 32 bits.
inline std::int64_t load_integer(const ConstTensorView& view, std::int64_t offset) {
  switch (view.dtype) {
    case DType::kInt8:
    case DType::kInt4:
      return view.as<std::int8_t>()[offset];
    case DType::kInt32:
      return view.as<std::int32_t>()[offset];
    default:
      return view.as<std::uint8_t>()[offset];
  }
}

inline void store_integer(const TensorView& view, std::int64_t offset, std::int64_t value) {
  if (view.dtype == DType::kInt8 || view.dtype == DType::kInt4) {
    view.as<std::int8_t>()[offset] = static_cast<std::int8_t>(value);
  } else {
    view.as<std::uint8_t>()[offset] = static_cast<std::uint8_t>(value);
  }
}

/// Clauses 1 and 5: `x` is in steps of the output. NaN gives the zero point.
inline std::int64_t saturate(float x, std::int64_t zero_point, IntegerLimits limits) {
  const float rounded = std::nearbyint(x);
  if (std::isnan(rounded)) return zero_point;
  const auto low = static_cast<float>(limits.min - zero_point);
  const auto high = static_cast<float>(limits.max - zero_point);
  return static_cast<std::int64_t>(std::clamp(rounded, low, high)) + zero_point;
}

/// A parameter that is a scalar, or a vector with one element per channel.
struct PerChannel {
  ConstTensorView view;
  std::int64_t stride = 0;

  explicit PerChannel(const ConstTensorView& parameter) : view(parameter) {
    if (view.present && view.num_elements() != 1) stride = view.strides[0];
  }
  float scale(std::int64_t channel) const { return view.as<float>()[channel * stride]; }
  /// 0 if the parameter is absent.
  std::int64_t zero_point(std::int64_t channel) const {
    return view.present ? load_integer(view, channel * stride) : 0;
  }
};

}  // namespace octet
