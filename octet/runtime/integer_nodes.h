#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "octet/graph/clamp.h"
#include "octet/graph/graph.h"
#include "octet/graph/unary_regions.h"

// Recognizes the parts of a QDQ graph that run on integers: an operator whose inputs come from
// DequantizeLinear and whose only reader is QuantizeLinear.

namespace octet {

/// The integers behind a float value that a DequantizeLinear produces.
struct DequantizedCodes {
  ValueId integers;
  TensorQuantParams params;
};

/// One activation of an integer operator: uint8 codes (int8 moved by 128).
struct ActivationCodes {
  ValueId integers{};
  float scale = 1.0f;
  std::int32_t zero_point = 0;  ///< in uint8 codes
};

/// An operator that can run on integers.
struct IntegerNode {
  std::vector<ActivationCodes> inputs;    ///< the activation inputs, in order
  std::optional<ActivationCodes> output;  ///< absent: the sums are dequantized to a float output
  /// Of the outputs behind the first one; absent where nobody reads them.
  std::vector<std::optional<ActivationCodes>> other_outputs;
  /// The Add of a float vector behind a MatMul with a constant weight: its bias.
  const Node* addition = nullptr;
  Clamp clamp;                    ///< of Relu and Clip nodes between the operator and `output`
  std::vector<ValueId> absorbed;  ///< the values of those nodes' path: they are never computed
};

/// A function of one code: elementwise nodes between DequantizeLinear and QuantizeLinear.
struct CodeFunction {
  ActivationCodes input, output;
  UnaryRegion region;
};

/// Precomputed links of a graph, so that recognition is local and linear.
class IntegerNodeFinder {
 public:
  explicit IntegerNodeFinder(const Graph& graph);

  /// How `node` runs on integers, or why it cannot (the reason is empty if the graph around the
  /// node is simply float).
  std::optional<IntegerNode> find(const Node& node, std::string* why_not) const;
  /// The node that reads `value`, if there is exactly one reader and it is not a graph output.
  const Node* only_reader(ValueId value) const;
  const Node* producer(ValueId value) const;
  const std::vector<NodeId>& readers(ValueId value) const {
    return consumers_[static_cast<std::size_t>(value)];
  }
  bool is_graph_output(ValueId value) const { return is_output_[static_cast<std::size_t>(value)]; }
  /// What is behind `value`, if a DequantizeLinear produces it.
  std::optional<DequantizedCodes> dequantized(ValueId value) const;
  bool graph_is_quantized() const { return quantized_; }
  /// The function of one code whose last node `node` is; null if it is none. One typed node alone
  /// is an IntegerNode.
  const CodeFunction* code_function(const Node& node) const;
  /// The values inside of code functions, which are never computed.
  std::vector<ValueId> inside_code_functions() const;

 private:
  std::optional<ActivationCodes> input_codes(ValueId value, bool may_be_constant = false) const;
  void follow_to_quantize(const Node& node, IntegerNode& result) const;

  // What runs on integers beyond the layers and kernels of images: integer_products.cpp.
  bool has_weights(const Node& node) const;
  /// Why the shapes keep a node whose inputs are codes in float; empty if they do not.
  std::string refuses_shapes(const Node& node) const;
  const Node* bias_addition(const Node& product, const ActivationCodes& input) const;
  /// Whether every output of an operator that moves codes is quantized, as its input is.
  bool follow_moved_outputs(const Node& node, IntegerNode& result) const;
  void find_code_functions();

  const Graph& graph_;
  std::vector<std::optional<NodeId>> producers_;
  std::vector<std::vector<NodeId>> consumers_;
  std::vector<bool> is_output_;
  bool quantized_ = false;
  std::map<ValueId, CodeFunction> code_functions_;  // by the value that is quantized
};

/// Whether input 0's codes are all that the operator needs of it: outputs only hold some of them.
bool moves_codes(const Op& op);
/// First `a`, then `b`, as one clamp.
Clamp intersect(const Clamp& a, const Clamp& b);

/// uint8 codes of per-tensor parameters, or nullopt if they are not per-tensor 8-bit ones.
std::optional<ActivationCodes> activation_codes(ValueId integers, const TensorQuantParams& params);

}  // namespace octet
