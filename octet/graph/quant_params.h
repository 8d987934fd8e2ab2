#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "octet/base/tensor.h"

namespace octet {

/// Affine quantization of one tensor: real = scale * (q - zero_point). See docs/numerics.md.
struct QuantParams {
  float scale = 1.0f;
  std::int32_t zero_point = 0;
  int bits = 8;
  bool is_signed = false;

  std::int32_t q_min() const { return is_signed ? -(1 << (bits - 1)) : 0; }
  std::int32_t q_max() const { return q_min() + (1 << bits) - 1; }
  friend bool operator==(const QuantParams&, const QuantParams&) = default;
};

/// clamp(round_half_even(x / scale), q_min - zero_point, q_max - zero_point) + zero_point, clamped
/// in float before the conversion to integer; NaN gives zero_point. Numerics clause 1.
std::int32_t quantize(float x, const QuantParams& params);
/// scale * (q - zero_point). Numerics clause 2.
float dequantize(std::int32_t q, const QuantParams& params);

/// The parameters that a QuantizeLinear or DequantizeLinear node carries: one scale and zero point
/// for the whole tensor, or one per index along `axis`. The integers are of type `dtype` (int8,
/// uint8, or int32 for biases). Narrower ranges are values, not types: weights of 4 bits are int8
/// tensors that hold [-8, 7]; activations of 4 bits are clamped in float before QuantizeLinear.
struct TensorQuantParams {
  std::vector<float> scale{1.0f};
  std::vector<std::int32_t> zero_point{0};
  std::optional<int> axis;  ///< absent: per tensor
  DType dtype = DType::kUInt8;

  friend bool operator==(const TensorQuantParams&, const TensorQuantParams&) = default;
};

/// Quantizes a float tensor with the full range of params.dtype (int32: saturating at its limits).
Tensor quantize(const Tensor& x, const TensorQuantParams& params);
/// Dequantizes an integer tensor.
Tensor dequantize(const Tensor& q, const TensorQuantParams& params);

}  // namespace octet
