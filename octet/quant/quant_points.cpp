#include "octet/quant/quant_points.h"

#include <algorithm>
#include <set>

#include "octet/base/error.h"
#include "octet/graph/functions/quantization.h"
#include "octet/graph/functions/window.h"
#include "octet/quant/quant_assignment.h"

namespace octet {
namespace {

/// `values` without those that are listed before.
std::vector<ValueId> without_repeats(const std::vector<ValueId>& values) {
  std::set<ValueId> seen;
  std::vector<ValueId> result;
  for (const ValueId value : values) {
    if (seen.insert(value).second) result.push_back(value);
  }
  return result;
}

}  // namespace

std::vector<ValueId> code_sources(const Graph& graph) {
  const IntegerRoles roles(graph);
  std::vector<ValueId> sources;
  for (std::size_t i = 0; i < graph.values().size(); ++i) sources.push_back(ValueId(i));
  for (const Node& node : graph.nodes()) {
    if (roles.of(node) != IntegerRole::kCarry) continue;
    for (const ValueId output : node.outputs) {
      sources[static_cast<std::size_t>(output)] =
          sources[static_cast<std::size_t>(*node.inputs[0])];
    }
  }
  return sources;
}

int output_channel_axis(const Node& node) {
  const Gemm* gemm = std::get_if<Gemm>(&node.op);
  const bool is_second = std::holds_alternative<MatMul>(node.op) || conv_transpose_of(node.op) ||
                         (gemm && !gemm->transpose_b);
  return is_second ? 1 : 0;
}

void require_float_graph(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<QuantizeLinear>(node.op) ||
        std::holds_alternative<DequantizeLinear>(node.op) ||
        std::holds_alternative<DynamicQuantizeLinear>(node.op) ||
        std::holds_alternative<MatMulInteger>(node.op) || dequantize_options(node.op)) {
      fail(ErrorKind::kBadData, "quantize: node '", node.name, "' (", op_name(node.op),
           "): the model is quantized already, accepted: a float model");
    }
  }
}

std::vector<ValueId> activation_points(const Graph& graph) {
  require_float_graph(graph);
  const IntegerRoles roles(graph);
  const std::vector<ValueId> sources = code_sources(graph);
  std::set<ValueId> points;
  for (const Node& node : graph.nodes()) {
    const IntegerRole role = roles.of(node);
    if (role == IntegerRole::kFloat || role == IntegerRole::kCarry) continue;
    for (const ValueId input : quantized_inputs(node, role)) {
      points.insert(sources[static_cast<std::size_t>(input)]);
    }
    if (!roles.added_bias(node)) points.insert(node.outputs[0]);
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

std::vector<ValueId> constant_points(const Graph& graph) {
  const IntegerRoles roles(graph);
  std::vector<ValueId> points;
  for (const Node& node : graph.nodes()) {
    for (const ValueId input : quantized_inputs(node, roles.of(node))) {
      if (graph.value(input).constant) points.push_back(input);
    }
  }
  return without_repeats(points);
}

std::vector<ValueId> weight_points(const Graph& graph) {
  const IntegerRoles roles(graph);
  std::vector<ValueId> points;
  for (const Node& node : graph.nodes()) {
    if (roles.of(node) == IntegerRole::kCompute) points.push_back(*node.inputs[1]);
  }
  return without_repeats(points);
}

}  // namespace octet
