#pragma once

#include <span>

#include "octet/graph/graph.h"

namespace octet {

// The output shape of each op from its inputs' shapes. The rules live in two files: windows and
// matrices (shape_rules_compute.cpp), and rearrangement (shape_rules_layout.cpp). All fail with
// Error(kBadData) naming the node. A size that is no number and not the batch, as a multiple of the
// batch, is kUnknownDim; so is one that an unknown size decides. Only what is certain to be wrong
// is an error. REQUIRES check_node to have passed.

Shape conv_shape(const Node& node, const Conv2d& conv, std::span<const Shape> in);
Shape pool_shape(const Node& node, const PoolWindow& window, const Shape& x);
Shape global_pool_shape(const Node& node, const Shape& x);
Shape gemm_shape(const Node& node, const Gemm& gemm, std::span<const Shape> in);
Shape matmul_shape(const Node& node, const Shape& a, const Shape& b);
Shape batch_norm_shape(const Node& node, std::span<const Shape> in);
/// numpy broadcasting.
Shape broadcast_shape(const Node& node, const Shape& a, const Shape& b);

Shape concat_shape(const Node& node, const Concat& concat, std::span<const Shape> in);
Shape flatten_shape(const Node& node, const Flatten& flatten, const Shape& x);
Shape reshape_shape(const Node& node, const Reshape& reshape, const Shape& x);
Shape transpose_shape(const Node& node, const Transpose& transpose, const Shape& x);
Shape squeeze_shape(const Node& node, const Squeeze& squeeze, const Shape& x);
Shape unsqueeze_shape(const Node& node, const Unsqueeze& unsqueeze, const Shape& x);
Shape slice_shape(const Node& node, const Slice& slice, const Shape& x);
Shape pad_shape(const Node& node, const Pad& pad, const Shape& x);
Shape gather_shape(const Node& node, const Gather& gather, const Shape& x, const Shape& indices);

/// `axis` counted from the front. Error unless -rank <= axis < rank.
int normalized_axis(const Node& node, std::int64_t axis, int rank);

}  // namespace octet
