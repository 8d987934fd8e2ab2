#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "octet/graph/quant_params.h"

// Internal to train/: numerics clauses 1 and 2 in float, with the straight-through gradient.

namespace octet {

/// Codes that real numbers are rounded to: scale * r for integers r in [low, high].
/// r = q - zero_point, so that low = q_min - zero_point.
struct CodeGrid {
  at::Tensor scale;               ///< float32 [1], or one per index along `axis`
  std::optional<int> axis;        ///< absent: per tensor
  float low = 0.0f, high = 0.0f;  ///< integers below 2^22 in magnitude
};
CodeGrid activation_grid(const QuantParams& params, const at::Device& device);
/// The symmetric range of quantize_weight.
CodeGrid weight_grid(const TensorQuantParams& params, int bits, bool torch_compat,
                     const at::Device& device);

/// scale * clamp(round_half_even(x / scale), low, high). The gradient is passed where the rounded
/// quotient lies in [low, high] and 0 elsewhere (Bengio et al. 2013, arXiv:1308.3432). NaN stays.
at::Tensor fake_quantize(const at::Tensor& x, const CodeGrid& grid);

}  // namespace octet
