#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// What a static configuration makes of a node.
enum class IntegerRole {
  kFloat,       ///< runs in float32 between DequantizeLinear and QuantizeLinear
  kCompute,     ///< a layer with a constant weight: integer weight, own output parameters
  kBias,        ///< Add of a constant vector to a MatMul of role kCompute: one layer with it, and
                ///< only its own output has parameters
  kRequantize,  ///< Add, pooling, table activations ...: own output parameters
  kCarry,       ///< MaxPool, Flatten, Reshape ...: the outputs have the codes of input 0
};

/// The roles of all nodes of a float graph in inference form.
///
/// A layer always runs on integers. Anything else does where its input has codes anyway (the
/// graph's inputs do): what float operators compute among themselves, such as a decomposed
/// LayerNormalization, is not rounded in between. Neither is what leads to a Softmax (a mask is
/// huge, and the differences that count are small) or lies inside of a function of one tensor that
/// ONNX Runtime has no integer operators for (a decomposed Gelu).
class IntegerRoles {
 public:
  explicit IntegerRoles(const Graph& graph);

  /// REQUIRES a node of that graph.
  IntegerRole of(const Node& node) const;
  /// The constant vector that the node of role kBias behind this MatMul adds; nullopt for all other
  /// nodes.
  std::optional<ValueId> added_bias(const Node& node) const;

 private:
  friend class RoleFinder;
  const Graph& graph_;
  std::vector<IntegerRole> roles_;
  std::vector<std::optional<ValueId>> biases_;
};

/// The inputs of a node of this role that are quantized as activations: every one but weights,
/// biases, and what says which elements a node of role kCarry takes. Constants are among them.
std::vector<ValueId> quantized_inputs(const Node& node, IntegerRole role);

/// The role that nodes of an ONNX operator have in their quantizable form.
IntegerRole integer_role_of_operator(std::string_view onnx_name);

}  // namespace octet
