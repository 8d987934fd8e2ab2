#pragma once

#include <cstdint>
#include <vector>

#include "octet/graph/functions/typed_ops.h"

// Normalizations of floats. Means and variances are computed in double.

namespace octet {

/// Log of the softmax along an axis, without overflow.
Op log_softmax(int axis);
/// The definition of Softmax.
FunctionPointer softmax_function(int axis);

/// Over all axes from `axis` on. Inputs: x, scale, optional bias, both broadcast to x. Outputs: y;
/// optional mean and 1 / sqrt(variance + epsilon), with size 1 along the normalized axes.
struct LayerNorm {
  int axis = -1;
  float epsilon = 1e-5f;
};
Op layer_norm(const LayerNorm& options);

/// Inputs: x [n, c, ...], scale [c], bias [c].
Op instance_norm(float epsilon);

/// As instance_norm, but over `groups` groups of neighbouring channels.
struct GroupNorm {
  std::int64_t groups = 1;
  float epsilon = 1e-5f;
};
Op group_norm(const GroupNorm& options);

/// Batch normalization by the batch's own mean and variance (of the population). Inputs: x, scale,
/// bias, running mean, running variance. Outputs: y and the new running values,
/// old * momentum + batch * (1 - momentum): ONNX's momentum.
struct BatchNormTraining {
  float epsilon = 1e-5f;
  float momentum = 0.9f;
};
Op batch_norm_training(const BatchNormTraining& options);

/// x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta
struct LocalResponseNorm {
  float alpha = 1e-4f, beta = 0.75f, bias = 1.0f;
  std::int64_t size = 1;
};
Op local_response_norm(const LocalResponseNorm& options);

/// (x - mean) / (sqrt(variance) + 1e-9) over the axes.
Op mean_variance_norm(std::vector<std::int64_t> axes);

/// Softmax, BatchNorm
FunctionPointer normalization_function_of(const Op& op);

}  // namespace octet
