#include "octet/onnx/run_definitions.h"

#include "octet/graph/known_elements.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_inputs.h"
#include "octet/graph/tensor_function.h"

namespace octet {

std::vector<Tensor> run_definitions(Graph graph, const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Value& input = graph.value(graph.inputs().at(i));
    input.shape = inputs[i].shape();
    input.constant = inputs[i];
  }
  graph.inputs().clear();
  const KnownValues known = infer_shapes_and_elements(graph);
  for (const Node& node : graph.nodes()) {
    const std::optional<Op> op = move_shape_inputs(graph, node, known);
    const auto function = op ? function_of(*op) : nullptr;
    if (!function) fail_node(ErrorKind::kUnsupported, node, "has no definition");
    std::vector<std::optional<Tensor>> tensors;
    for (std::size_t i = 0; i < data_inputs(node); ++i) {
      const auto& input = node.inputs[i];
      tensors.push_back(input ? graph.value(*input).constant : std::nullopt);
    }
    std::vector<TensorType> types;
    for (const ValueId output : node.outputs) {
      types.push_back({graph.value(output).dtype, graph.value(output).shape});
    }
    const auto results = apply(*function, tensors, types);
    if (!results) fail_node(ErrorKind::kBadData, node, "is not defined for these elements");
    for (std::size_t i = 0; i < types.size(); ++i) {
      graph.value(node.outputs[i]).constant = (*results)[i];
    }
  }
  std::vector<Tensor> outputs;
  for (const ValueId output : graph.outputs()) outputs.push_back(*graph.value(output).constant);
  return outputs;
}

}  // namespace octet
