#pragma once

#include <span>

#include "octet/base/tensor.h"

namespace octet {

/// The int32 bias that is added to integer sums, which count in steps of input_scale * weight_scale
/// (numerics clause 3): clamp(round_half_even(bias / (input_scale * weight_scale))), divided in
/// double; `weight_scale` has one element or one per element of `bias` (of each group of them).
Tensor quantize_bias(const Tensor& bias, float input_scale, std::span<const float> weight_scale);

}  // namespace octet
