#pragma once

#include <optional>
#include <span>

#include "octet/graph/graph.h"
#include "octet/quant/quant_assignment.h"

namespace octet {

/// The integers of one layer, as insert_qdq writes them and as an exact evaluation of the
/// fake-quantized graph must use them.
struct LayerIntegers {
  Tensor weight;  ///< int8, in the node's own layout
  TensorQuantParams weight_params;
  std::optional<Tensor> bias;     ///< int32 [output channels]
  TensorQuantParams bias_params;  ///< scale = float32(input scale * weight scale), zero point 0
  /// The vector that is added behind a MatMul: multiples of the scale of `bias`, so that whoever
  /// adds it in float computes what the integers do. Of the shape that it had.
  std::optional<Tensor> added_bias;
  int raised_scales = 0;  ///< weight scales raised so that the bias fits (clause 3)
};

/// Quantizes the constants of a node of role kCompute whose input has scale `input_scale`;
/// `added_bias` is the vector that the node behind a MatMul adds (IntegerRoles::added_bias).
///
/// A weight scale is raised where |bias| / (input_scale * weight_scale) would exceed 2^30 (half of
/// int32: the other half is for the products) or where the product of the scales is subnormal.
/// The scale of an all-zero channel is free, so it is chosen such that the bias keeps 20 bits.
/// Error(kBadData) naming the node.
LayerIntegers quantize_layer(const Graph& graph, const Node& node, float input_scale,
                             const QuantAssignment& assignment, const QuantSpec& spec,
                             std::optional<ValueId> added_bias = std::nullopt);

}  // namespace octet
