#include "octet/graph/quantize_bias.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace octet {

Tensor quantize_bias(const Tensor& bias, float input_scale, std::span<const float> weight_scale) {
  constexpr double kLow = std::numeric_limits<std::int32_t>::min();
  constexpr double kHigh = std::numeric_limits<std::int32_t>::max();
  Tensor quantized(DType::kInt32, bias.shape());
  const std::span<const float> src = bias.data<float>();
  const std::span<std::int32_t> dst = quantized.mutable_data<std::int32_t>();
  for (std::size_t i = 0; i < src.size(); ++i) {
    const double scale = double{input_scale} * weight_scale[i % weight_scale.size()];
    dst[i] = static_cast<std::int32_t>(std::clamp(std::nearbyint(src[i] / scale), kLow, kHigh));
  }
  return quantized;
}

}  // namespace octet
