#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "octet/graph/graph.h"

// Internal to train/: one float operator on libtorch.

namespace octet {

/// Error(kUnsupported) naming the node if evaluate_node cannot execute it.
void require_evaluable(const Node& node);

/// The node's output, before any hook. `inputs` are in the node's order, an undefined tensor where
/// an optional input is absent. Dynamic dimensions come from the inputs, not from the graph.
/// With `training` a BatchNorm normalizes with batch statistics and updates its running ones.
at::Tensor evaluate_node(const Graph& graph, const Node& node,
                         const std::vector<at::Tensor>& inputs, bool training);

/// Sums over the windows of an average pool, tap by tap in row-major order, and over how many
/// positions each mean goes ([1, 1, oh, ow], the dtype of x). Any padding, dilation and ceil_mode;
/// `output` is the inferred shape of the result.
struct WindowSums {
  at::Tensor sums;
  at::Tensor counts;
};
WindowSums window_sums(const AveragePool& op, const at::Tensor& x, const Shape& output);

/// clamp(x, low, high) with libtorch's gradients of relu and hardtanh.
at::Tensor apply_clamp(const at::Tensor& x, const Clamp& clamp);

}  // namespace octet
