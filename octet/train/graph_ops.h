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

/// clamp(x, low, high) with libtorch's gradients of relu and hardtanh.
at::Tensor apply_clamp(const at::Tensor& x, const Clamp& clamp);

}  // namespace octet
