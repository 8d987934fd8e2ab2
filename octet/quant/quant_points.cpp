#include "octet/quant/quant_points.h"

#include <algorithm>
#include <set>

#include "octet/base/error.h"
#include "octet/quant/quant_assignment.h"

namespace octet {
namespace {

bool is_float_activation(const Graph& graph, const std::optional<ValueId>& input) {
  if (!input) return false;
  const Value& value = graph.value(*input);
  return !value.constant && value.dtype == DType::kFloat32;
}

bool is_float_constant(const Graph& graph, const std::optional<ValueId>& input) {
  return input && graph.value(*input).constant &&
         graph.value(*input).constant->dtype() == DType::kFloat32;
}

bool all_float_activations(const Graph& graph, const Node& node) {
  return std::ranges::all_of(node.inputs, [&](const std::optional<ValueId>& input) {
    return is_float_activation(graph, input);
  });
}

bool has_constant_weight(const Graph& graph, const Node& node) {
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2];
  return node.inputs.size() >= 2 && is_float_activation(graph, node.inputs[0]) &&
         is_float_constant(graph, node.inputs[1]) &&
         (!has_bias || is_float_constant(graph, node.inputs[2]));
}

IntegerRole role_of(const Op& op) {
  constexpr auto kFloat = IntegerRole::kFloat;
  constexpr auto kCompute = IntegerRole::kCompute;
  constexpr auto kRequantize = IntegerRole::kRequantize;
  constexpr auto kCarry = IntegerRole::kCarry;
  return std::visit(Overloaded{
                        [](const Conv2d&) { return kCompute; },
                        [](const Gemm&) { return kCompute; },
                        [](const Add&) { return kRequantize; },
                        [](const Mul&) { return kRequantize; },
                        [](const Relu&) { return kRequantize; },
                        [](const Clip&) { return kRequantize; },
                        [](const Sigmoid&) { return kRequantize; },
                        [](const Tanh&) { return kRequantize; },
                        [](const HardSigmoid&) { return kRequantize; },
                        [](const HardSwish&) { return kRequantize; },
                        [](const Softmax&) { return kRequantize; },
                        [](const AveragePool&) { return kRequantize; },
                        [](const GlobalAveragePool&) { return kRequantize; },
                        [](const Concat&) { return kRequantize; },
                        [](const MaxPool&) { return kCarry; },
                        [](const Flatten&) { return kCarry; },
                        [](const Reshape&) { return kCarry; },
                        [](const Transpose&) { return kCarry; },
                        [](const Squeeze&) { return kCarry; },
                        [](const Unsqueeze&) { return kCarry; },
                        [](const Slice&) { return kCarry; },
                        [](const Pad& pad) { return pad.value == 0.0f ? kCarry : kFloat; },
                        [](const Identity&) { return kCarry; },
                        [](const MatMul&) { return kFloat; },
                        [](const Sub&) { return kFloat; },
                        [](const Div&) { return kFloat; },
                        [](const BatchNorm&) { return kFloat; },
                        [](const ShapeOf&) { return kFloat; },
                        [](const Gather&) { return kFloat; },
                        [](const Cast&) { return kFloat; },
                        [](const ConstantOfShape&) { return kFloat; },
                        [](const QuantizeLinear&) { return kFloat; },
                        [](const DequantizeLinear&) { return kFloat; },
                        [](const DynamicQuantizeLinear&) { return kFloat; },
                        [](const MatMulInteger&) { return kFloat; },
                        [](const Function&) { return kFloat; },
                    },
                    op);
}

std::vector<ValueId> activation_inputs(const Node& node, IntegerRole role) {
  std::vector<ValueId> inputs;
  const std::size_t count = role == IntegerRole::kCompute ? 1 : node.inputs.size();
  for (std::size_t i = 0; i < count; ++i) inputs.push_back(*node.inputs[i]);
  return inputs;
}

}  // namespace

IntegerRole integer_role(const Graph& graph, const Node& node) {
  const IntegerRole role = role_of(node.op);
  if (role == IntegerRole::kFloat) return role;
  if (role == IntegerRole::kCompute) {
    return has_constant_weight(graph, node) ? role : IntegerRole::kFloat;
  }
  // An input that is a constant or computes a shape keeps the node in float.
  const bool fits = !node.inputs.empty() && all_float_activations(graph, node) &&
                    (role != IntegerRole::kCarry || node.inputs.size() == 1);
  return fits ? role : IntegerRole::kFloat;
}

std::vector<ValueId> code_sources(const Graph& graph) {
  std::vector<ValueId> sources;
  for (std::size_t i = 0; i < graph.values().size(); ++i) sources.push_back(ValueId(i));
  for (const Node& node : graph.nodes()) {
    if (integer_role(graph, node) != IntegerRole::kCarry) continue;
    sources[static_cast<std::size_t>(node.outputs[0])] =
        sources[static_cast<std::size_t>(*node.inputs[0])];
  }
  return sources;
}

int output_channel_axis(const Node& node) {
  const Gemm* gemm = std::get_if<Gemm>(&node.op);
  return gemm && !gemm->transpose_b ? 1 : 0;
}

void require_float_graph(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<QuantizeLinear>(node.op) ||
        std::holds_alternative<DequantizeLinear>(node.op) ||
        std::holds_alternative<DynamicQuantizeLinear>(node.op) ||
        std::holds_alternative<MatMulInteger>(node.op)) {
      fail(ErrorKind::kBadData, "quantize: node '", node.name, "' (", op_name(node.op),
           "): the model is quantized already, accepted: a float model");
    }
  }
}

std::vector<ValueId> activation_points(const Graph& graph) {
  require_float_graph(graph);
  const std::vector<ValueId> sources = code_sources(graph);
  std::set<ValueId> points;
  for (const Node& node : graph.nodes()) {
    const IntegerRole role = integer_role(graph, node);
    if (role != IntegerRole::kCompute && role != IntegerRole::kRequantize) continue;
    for (const ValueId input : activation_inputs(node, role)) {
      points.insert(sources[static_cast<std::size_t>(input)]);
    }
    points.insert(node.outputs[0]);
  }

  std::vector<ValueId> ordered;
  for (const ValueId input : graph.inputs()) {
    if (points.contains(input)) ordered.push_back(input);
  }
  for (const Node& node : graph.nodes()) {
    for (const ValueId output : node.outputs) {
      if (points.contains(output)) ordered.push_back(output);
    }
  }
  return ordered;
}

std::vector<ValueId> weight_points(const Graph& graph) {
  std::vector<ValueId> points;
  for (const Node& node : graph.nodes()) {
    if (integer_role(graph, node) != IntegerRole::kCompute) continue;
    if (std::ranges::find(points, *node.inputs[1]) == points.end()) {
      points.push_back(*node.inputs[1]);
    }
  }
  return points;
}

IntegerRole integer_role_of_operator(std::string_view onnx_name) {
  IntegerRole role = IntegerRole::kFloat;
  for_each_typed_op([&](const Op& op) {
    if (op_name(op) == onnx_name) role = role_of(op);
  });
  return role;
}

}  // namespace octet
