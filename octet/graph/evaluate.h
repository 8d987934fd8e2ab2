#pragma once

#include <optional>
#include <span>

#include "octet/graph/graph.h"

namespace octet {

/// The indices that a slice takes along one axis: start, start + step, ... (count of them).
struct SliceRange {
  std::int64_t start = 0, step = 1, count = 0;
};
/// ONNX semantics: negative bounds count from the end, everything is clamped. REQUIRES step != 0.
SliceRange slice_range(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step);

/// The axes of a Transpose; an empty perm reverses them.
std::vector<int> permutation_of(const Transpose& op, int rank);

/// Computes an op on constants: data movement, Cast and elementwise arithmetic. The shape inputs
/// of Reshape, Slice, Pad, Squeeze and Unsqueeze are in the op (see move_shape_inputs).
/// nullopt where octet does not compute `op` ahead of time (Conv, QuantizeLinear ...), or the
/// result is not defined (integer division by zero, a cast of NaN).
std::optional<Tensor> evaluate(const Op& op, std::span<const Tensor> inputs,
                               const Shape& output_shape);

/// Whether `op` only moves elements: it commutes with any map of the elements.
bool moves_elements(const Op& op);

}  // namespace octet
