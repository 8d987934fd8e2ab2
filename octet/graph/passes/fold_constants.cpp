#include <algorithm>
#include <limits>

#include "octet/graph/evaluate.h"
#include "octet/graph/known_elements.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/quantized_constant.h"
#include "octet/graph/shape_inference.h"
#include "octet/graph/shape_inputs.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr double kMaxFoldedProducts = 1 << 30;

/// Functions of which each element of a result may read all of an input; the others take about as
/// many steps as there are elements.
constexpr std::string_view kSums[] = {
    "AveragePool", "Conv",        "ConvInteger",   "ConvTranspose", "GRU",
    "Gemm",        "LRN",         "LSTM",          "MatMul",        "MatMulInteger",
    "MaxPool",     "QLinearConv", "QLinearMatMul", "RNN",           "Resize"};

/// Whether a function of these inputs is computed in about a second. A few bytes of file may ask
/// for hours: the product of two matrices that ConstantOfShape filled.
bool is_quick(const TensorFunction& function, std::span<const std::optional<Tensor>> inputs,
              std::span<const TensorType> outputs) {
  if (std::ranges::find(kSums, function.onnx_name()) == std::end(kSums)) return true;
  double read = 0, written = 0;
  for (const auto& input : inputs) {
    if (input) read = std::max(read, static_cast<double>(input->num_elements()));
  }
  for (const TensorType& output : outputs) {
    written += static_cast<double>(output.shape.num_elements());
  }
  return read * written <= kMaxFoldedProducts;
}

/// Bytes of a value; a large number if its shape is not known.
std::int64_t bytes_of(const Value& value) {
  if (!value.shape.is_static()) return std::numeric_limits<std::int64_t>::max();
  return value.shape.num_elements() * static_cast<std::int64_t>(size_bytes(value.dtype));
}

bool drop_shape_inputs(const Graph& graph, Node& node, const KnownValues& known) {
  if (!has_shape_inputs(node)) return false;
  std::optional<Op> op = move_shape_inputs(graph, node, known);
  if (!op) return false;  // an input decides at run time
  node.op = std::move(*op);
  node.inputs.resize(data_inputs(node));
  return true;
}

/// The outputs of a function of constants, if they are defined and not too large.
std::optional<std::vector<Tensor>> constant_outputs(const Graph& graph, const Node& node,
                                                    const TensorFunction& function,
                                                    std::int64_t max_bytes) {
  std::vector<TensorType> types;
  std::int64_t bytes = 0;
  for (const ValueId id : node.outputs) {
    const Value& output = graph.value(id);
    if (!output.shape.is_static() || bytes_of(output) > max_bytes - bytes) return std::nullopt;
    bytes += bytes_of(output);
    types.push_back({output.dtype, output.shape});
  }
  std::vector<std::optional<Tensor>> inputs;
  for (const std::optional<ValueId>& id : node.inputs) {
    if (id && !graph.value(*id).constant) return std::nullopt;
    inputs.push_back(id ? graph.value(*id).constant : std::nullopt);
  }
  if (!is_quick(function, inputs, types)) return std::nullopt;
  return apply(function, inputs, types);
}

/// The value of a node's output if it does not depend on the graph's inputs.
std::optional<Tensor> constant_output(const Graph& graph, const Node& node,
                                      const KnownValues& known, std::int64_t max_bytes) {
  if (node.outputs.size() != 1) return std::nullopt;
  // Also finds what depends on an input's shape but not on its elements.
  const std::optional<KnownElements>& elements = known[static_cast<std::size_t>(node.outputs[0])];
  if (elements && elements->is_constant()) return elements->value;

  const Value& output = graph.value(node.outputs[0]);
  if (bytes_of(output) > max_bytes) return std::nullopt;
  std::vector<Tensor> inputs;
  for (const std::optional<ValueId>& input : node.inputs) {
    if (!input || !graph.value(*input).constant) return std::nullopt;
    inputs.push_back(*graph.value(*input).constant);
  }
  return evaluate(node.op, inputs, output.shape);
}

/// Whether only products read the node, as their weight: kernels take such codes as they are
/// stored, which is smaller than floats.
bool is_stored_weight(const Graph& graph, const Node& node,
                      const std::vector<std::vector<NodeId>>& readers) {
  const ValueId value = node.outputs[0];
  if (!is_quantized_constant(graph, node) || is_graph_output(graph, value)) return false;
  return std::ranges::all_of(readers[static_cast<std::size_t>(value)], [&](NodeId id) {
    const Node& reader = graph.node(id);
    const bool multiplies = std::holds_alternative<MatMul>(reader.op) ||
                            std::holds_alternative<Gemm>(reader.op) ||
                            std::holds_alternative<Conv2d>(reader.op);
    return multiplies && reader.inputs[1] == value && reader.inputs[0] != value;
  });
}

/// Gives a node's outputs their value if no element of them is to be computed.
bool fold_empty(Graph& graph, const Node& node) {
  const bool empty = std::ranges::all_of(node.outputs, [&](ValueId id) {
    const Shape& shape = graph.value(id).shape;
    return shape.is_static() && shape.num_elements() == 0;
  });
  if (!empty) return false;
  for (const ValueId id : node.outputs) {
    Value& value = graph.value(id);
    value.constant = Tensor(value.dtype, value.shape);
  }
  return true;
}

}  // namespace

FoldLimits fold_limits_of(const Graph& graph, FoldLimits limits) {
  if (limits.max_constant_bytes == 0) {
    limits.max_constant_bytes = limits.max_result_bytes + 4 * constant_bytes(graph);
  }
  return limits;
}

bool fold_constants(Graph& graph, const FoldLimits& limits) {
  std::int64_t budget = fold_limits_of(graph, limits).max_constant_bytes - constant_bytes(graph);
  const std::vector<std::vector<NodeId>> readers = consumers(graph);
  bool changed = false;
  const auto fold = [&](Node& node, const KnownValues& known) {
    changed = drop_shape_inputs(graph, node, known) || changed;
    if (fold_empty(graph, node) || is_stored_weight(graph, node, readers)) return;
    const std::int64_t max_bytes = std::min(limits.max_result_bytes, budget);
    if (const auto* function = std::get_if<Function>(&node.op)) {
      auto results = constant_outputs(graph, node, *function->definition, max_bytes);
      for (std::size_t i = 0; results && i < results->size(); ++i) {
        budget -= static_cast<std::int64_t>((*results)[i].size_bytes());
        graph.value(node.outputs[i]).constant = std::move((*results)[i]);
      }
    } else if (std::optional<Tensor> constant = constant_output(graph, node, known, max_bytes)) {
      budget -= static_cast<std::int64_t>(constant->size_bytes());
      // The value stays, so readers and graph outputs keep their name.
      graph.value(node.outputs[0]).constant = std::move(constant);
    }
  };
  infer_shapes_and_visit(graph, fold);
  const std::size_t folded = std::erase_if(graph.nodes(), [&](const Node& node) {
    return !node.outputs.empty() && graph.value(node.outputs[0]).constant;
  });
  return changed || folded > 0;
}

}  // namespace octet
