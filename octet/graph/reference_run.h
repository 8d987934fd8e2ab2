#pragma once

#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// Runs a float graph by its definition, slowly, for tests: `x` is the one input, the result the
/// graph's outputs. Knows the ops that passes rewrite; throws Error(kUnsupported) on the rest.
std::vector<Tensor> reference_run(Graph graph, const Tensor& x);

/// Largest absolute difference of the elements of two equal-shaped float tensors.
float max_difference(const Tensor& a, const Tensor& b);

/// `count` numbers in [-1, 1) that look random and replay.
std::vector<float> noise(std::int64_t count, std::uint32_t seed);
Tensor noise_tensor(const Shape& shape, std::uint32_t seed);

}  // namespace octet
