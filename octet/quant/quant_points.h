#pragma once

#include <string_view>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// What a static configuration makes of a node.
enum class IntegerRole {
  kFloat,       ///< runs in float32 between DequantizeLinear and QuantizeLinear
  kCompute,     ///< Conv2d or Gemm with a constant weight: integer weight, own output parameters
  kRequantize,  ///< Add, pooling, table activations ...: own output parameters
  kCarry,       ///< MaxPool, Flatten, Reshape ...: the output has the codes of the input
};
IntegerRole integer_role(const Graph& graph, const Node& node);
/// The role that nodes of an ONNX operator have in their quantizable form.
IntegerRole integer_role_of_operator(std::string_view onnx_name);

/// For every value (indexed by id), the value whose quantization parameters it has: itself, or
/// through nodes of role kCarry the value where its codes come from.
std::vector<ValueId> code_sources(const Graph& graph);

/// Error(kBadData) naming the first node that says that the model is quantized already.
void require_float_graph(const Graph& graph);

/// The axis of a kCompute node's weight that is its output channel.
int output_channel_axis(const Node& node);

}  // namespace octet
