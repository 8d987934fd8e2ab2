#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "octet/runtime/integer_nodes.h"

namespace octet {

/// The constants of a Conv2d, Gemm, ConvTranspose or MatMul by a constant, as its integer kernel
/// needs them.
struct IntegerLayer {
  const Tensor* codes = nullptr;         ///< the weights, int8 or uint8, in the node's own layout
  std::vector<std::int32_t> zero_point;  ///< [outputs], of the weights
  std::vector<float> scale;              ///< [outputs], of the weights
  std::vector<std::int32_t> bias;        ///< [outputs], in steps of input scale x weight scale
};

/// The axis of the weight that counts its outputs; of a ConvTranspose those of a group.
int weight_output_axis(const Op& op);

/// Reads the weights behind the DequantizeLinear at input 1 and the bias at input 2. A bias that is
/// not int32 codes in steps of `input_scale` x weight scale becomes such codes (numerics clause 3);
/// where it does not fit them, and where the weights are not 8-bit constants with one scale per
/// output or per tensor, the result is nullopt and `why_not` says why.
std::optional<IntegerLayer> integer_layer(const Graph& graph, const IntegerNodeFinder& nodes,
                                          const Node& node, float input_scale,
                                          std::string* why_not);

}  // namespace octet
