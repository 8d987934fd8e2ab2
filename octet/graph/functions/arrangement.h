#pragma once

#include "octet/graph/op.h"

// Operators that move elements, repeat them or make shapes. Inputs are ONNX's, in ONNX's order and
// in the form that opset 13 and later give them: axes, sizes and amounts are inputs.

namespace octet {

enum class PadMode { kConstant, kEdge, kReflect, kWrap };
/// x, pads, optional value of x's dtype, optional axes. Negative pads crop before the rest is
/// padded. The typed Pad is this with a constant.
Op pad_function(PadMode mode);

/// x, shape: Reshape with allowzero, where a dimension of 0 means 0.
Op reshape_allowing_zero();

/// x, shape -> x broadcast to the shape.
Op expand();
/// x, repeats (one per axis).
Op tile();
/// x, optional sizes of the parts. Without them there are `num_outputs` parts, the last ones
/// smaller if need be; with them it is 0.
Op split(int axis, int num_outputs);

enum class DepthOrder { kDepthColumnRow, kColumnRowDepth };  ///< ONNX's DCR and CRD
/// [n, c * b * b, h, w] -> [n, c, h * b, w * b]
Op depth_to_space(std::int64_t block, DepthOrder order);
/// [n, c, h * b, w * b] -> [n, c * b * b, h, w]
Op space_to_depth(std::int64_t block);

/// start, limit, delta: scalars of one dtype.
Op range();
/// x -> the number of its elements, an int64 scalar.
Op size_of_tensor();

/// x, indices of x's rank.
Op gather_elements(int axis);
/// x, indices [..., k].
Op gather_nd(int batch_dims);
/// indices, depth (a scalar), values (off, on). A negative index counts from the end, one out of
/// range is nowhere on.
Op one_hot(int axis);
/// x [..., n, m], optional diagonal (an int64 scalar): what lies on the other side of it becomes 0.
Op trilu(bool upper);
/// x, axis (a scalar).
struct CumSumOptions {
  bool exclusive = false;
  bool reverse = false;
};
Op cum_sum(CumSumOptions options);

}  // namespace octet
