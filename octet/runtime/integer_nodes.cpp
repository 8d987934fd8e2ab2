#include "octet/runtime/integer_nodes.h"

#include <algorithm>
#include <limits>

#include "octet/graph/functions/window.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/integer_layer.h"

namespace octet {
namespace {

const DequantizeLinear* as_dequantize(const Node* node) {
  return node ? std::get_if<DequantizeLinear>(&node->op) : nullptr;
}

/// Operators with integer kernels, by how many of their inputs are activations (0: none).
int activation_inputs(const Node& node) {
  return std::visit(Overloaded{
                        [](const Conv2d&) { return 1; },
                        [](const Gemm&) { return 1; },
                        [](const MatMul&) { return 2; },
                        [](const Add&) { return 2; },
                        [](const Mul&) { return 2; },
                        [](const Relu&) { return 1; },
                        [](const Clip&) { return 1; },
                        [](const Sigmoid&) { return 1; },
                        [](const Tanh&) { return 1; },
                        [](const HardSigmoid&) { return 1; },
                        [](const HardSwish&) { return 1; },
                        [](const MaxPool&) { return 1; },
                        [](const AveragePool&) { return 1; },
                        [](const GlobalAveragePool&) { return 1; },
                        [&](const Concat&) { return static_cast<int>(node.inputs.size()); },
                        [](const Flatten&) { return 1; },
                        [](const Reshape&) { return 1; },
                        [](const Transpose&) { return 1; },
                        [](const Squeeze&) { return 1; },
                        [](const Unsqueeze&) { return 1; },
                        [](const Slice&) { return 1; },
                        [](const Pad& pad) { return pad.value == 0.0f ? 1 : 0; },
                        [](const Gather&) { return 1; },
                        [](const Function& function) {
                          return moves_codes(function) || conv_transpose_of(function) ? 1 : 0;
                        },
                        [](const auto&) { return 0; },
                    },
                    node.op);
}

/// Operators whose inputs may be constants that were quantized as activations are.
bool takes_constant_codes(const Op& op) {
  return std::holds_alternative<Add>(op) || std::holds_alternative<Mul>(op) ||
         std::holds_alternative<Concat>(op) || std::holds_alternative<MatMul>(op);
}

/// Operators whose integer version takes a clamp of its output.
bool clamps_output(const Op& op) {
  return std::holds_alternative<Conv2d>(op) || std::holds_alternative<Gemm>(op) ||
         std::holds_alternative<MatMul>(op) || conv_transpose_of(op) ||
         std::holds_alternative<Add>(op) || std::holds_alternative<AveragePool>(op) ||
         std::holds_alternative<GlobalAveragePool>(op);
}

}  // namespace

bool moves_codes(const Op& op) {
  return std::visit(Overloaded{
                        [](const MaxPool&) { return true; },
                        [](const Flatten&) { return true; },
                        [](const Reshape&) { return true; },
                        [](const Transpose&) { return true; },
                        [](const Squeeze&) { return true; },
                        [](const Unsqueeze&) { return true; },
                        [](const Slice&) { return true; },
                        [](const Pad&) { return true; },
                        [](const Gather&) { return true; },
                        [](const Function& function) {
                          return function.definition->flow() == ElementFlow::kMoves;
                        },
                        [](const auto&) { return false; },
                    },
                    op);
}

Clamp intersect(const Clamp& a, const Clamp& b) {
  return {std::min(std::max(a.low, b.low), b.high), std::max(std::min(a.high, b.high), b.low)};
}

std::optional<ActivationCodes> activation_codes(ValueId integers, const TensorQuantParams& params) {
  if (params.axis || params.scale.size() != 1) return std::nullopt;
  if (params.dtype == DType::kUInt8) return {{integers, params.scale[0], params.zero_point[0]}};
  if (params.dtype == DType::kInt8)
    return {{integers, params.scale[0], params.zero_point[0] + 128}};
  return std::nullopt;
}

IntegerNodeFinder::IntegerNodeFinder(const Graph& graph)
    : graph_(graph),
      producers_(producers(graph)),
      consumers_(consumers(graph)),
      is_output_(graph.values().size(), false) {
  for (const ValueId output : graph.outputs()) is_output_[static_cast<std::size_t>(output)] = true;
  quantized_ = std::ranges::any_of(graph.nodes(), [](const Node& node) {
    return std::holds_alternative<QuantizeLinear>(node.op) ||
           std::holds_alternative<DynamicQuantizeLinear>(node.op);
  });
  if (quantized_) find_code_functions();
}

const Node* IntegerNodeFinder::producer(ValueId value) const {
  const auto& id = producers_[static_cast<std::size_t>(value)];
  return id ? &graph_.node(*id) : nullptr;
}

std::optional<DequantizedCodes> IntegerNodeFinder::dequantized(ValueId value) const {
  const Node* node = producer(value);
  const DequantizeLinear* dequantize = as_dequantize(node);
  if (!dequantize) return std::nullopt;
  return {{*node->inputs[0], dequantize->params}};
}

const Node* IntegerNodeFinder::only_reader(ValueId value) const {
  const auto& readers = consumers_[static_cast<std::size_t>(value)];
  if (readers.size() != 1 || is_output_[static_cast<std::size_t>(value)]) return nullptr;
  return &graph_.node(readers[0]);
}

std::optional<ActivationCodes> IntegerNodeFinder::input_codes(ValueId value,
                                                              bool may_be_constant) const {
  const Node* node = producer(value);
  const DequantizeLinear* dequantize = as_dequantize(node);
  if (!dequantize) return std::nullopt;
  if (graph_.value(*node->inputs[0]).constant && !may_be_constant) return std::nullopt;
  return activation_codes(*node->inputs[0], dequantize->params);
}

void IntegerNodeFinder::follow_to_quantize(const Node& node, IntegerNode& result) const {
  const Node* reader = only_reader(node.outputs[0]);
  std::vector<ValueId> passed;
  Clamp clamp;
  if (result.addition) {
    passed.push_back(result.addition->outputs[0]);
    clamp = std::get<Add>(result.addition->op).activation;
    reader = only_reader(passed.back());
  }
  while (reader) {
    if (const auto* quantize = std::get_if<QuantizeLinear>(&reader->op)) {
      result.output = activation_codes(reader->outputs[0], quantize->params);
      result.clamp = clamp;
      result.absorbed = std::move(passed);
      return;
    }
    const std::optional<Clamp> next = as_clamp(reader->op);
    if (!next) return;
    clamp = intersect(clamp, *next);
    passed.push_back(reader->outputs[0]);
    reader = only_reader(reader->outputs[0]);
  }
}

std::optional<IntegerNode> IntegerNodeFinder::find(const Node& node, std::string* why_not) const {
  const auto refuse = [&](std::string reason) -> std::optional<IntegerNode> {
    if (why_not && quantized_) *why_not = std::move(reason);
    return std::nullopt;
  };
  const bool weights_are_constant = has_weights(node);
  const int wanted = weights_are_constant ? 1 : activation_inputs(node);
  if (wanted == 0) return refuse("no integer kernel for " + std::string(op_name(node.op)));
  if (std::holds_alternative<GlobalAveragePool>(node.op) &&
      graph_.value(*node.inputs[0]).shape.rank() != 4) {
    return refuse("no integer kernel for a GlobalAveragePool that is not of images");
  }
  if (std::string reason = refuses_shapes(node); !reason.empty()) return refuse(reason);
  IntegerNode result;
  for (int i = 0; i < wanted; ++i) {
    const auto codes = input_codes(*node.inputs[static_cast<std::size_t>(i)],
                                   takes_constant_codes(node.op) && !weights_are_constant);
    if (!codes) {
      return refuse("input '" + graph_.value(*node.inputs[static_cast<std::size_t>(i)]).name +
                    "' is float");
    }
    result.inputs.push_back(*codes);
  }
  if (weights_are_constant) {
    std::string why;
    if (!integer_layer(graph_, *this, node, result.inputs[0].scale, &why)) return refuse(why);
  }
  if (std::holds_alternative<MatMul>(node.op) && weights_are_constant) {
    result.addition = bias_addition(node, result.inputs[0]);
  }
  follow_to_quantize(node, result);
  const bool may_give_floats = std::holds_alternative<Gemm>(node.op) ||
                               (std::holds_alternative<MatMul>(node.op) && weights_are_constant);
  if (!result.output && !may_give_floats) {
    return refuse("the output is read as float");
  }
  if (!result.clamp.is_identity() && !clamps_output(node.op)) {
    return refuse("a clamp stands between the operator and its QuantizeLinear");
  }
  if (moves_codes(node.op) && (result.inputs[0].scale != result.output->scale ||
                               result.inputs[0].zero_point != result.output->zero_point)) {
    return refuse("input and output have different scales");
  }
  if (moves_codes(node.op) && !follow_moved_outputs(node, result)) {
    return refuse("an output is read as float or has a scale of its own");
  }
  return result;
}

}  // namespace octet
