#include <algorithm>
#include <limits>

#include "octet/graph/evaluate.h"
#include "octet/graph/known_elements.h"
#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxFoldedBytes = std::int64_t{64} << 20;

/// Bytes of a value; a large number if its shape is not known.
std::int64_t bytes_of(const Value& value) {
  if (!value.shape.is_static()) return std::numeric_limits<std::int64_t>::max();
  return value.shape.num_elements() * static_cast<std::int64_t>(size_bytes(value.dtype));
}

bool drop_shape_inputs(const Graph& graph, Node& node, const KnownValues& known) {
  const std::size_t kept = data_inputs(node);
  if (node.inputs.size() <= kept) return false;
  node.op = move_shape_inputs(graph, node, known);
  node.inputs.resize(kept);
  return true;
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

}  // namespace

bool fold_constants(Graph& graph) {
  const KnownValues known = infer_shapes_and_elements(graph);
  // A few bytes of file may ask for many large results; transposing every weight is legitimate.
  std::int64_t budget = kMaxFoldedBytes + 2 * constant_bytes(graph);
  bool changed = false;
  std::vector<Node> kept;
  for (Node& node : graph.nodes()) {
    changed = drop_shape_inputs(graph, node, known) || changed;
    if (std::optional<Tensor> constant =
            constant_output(graph, node, known, std::min(kMaxFoldedBytes, budget))) {
      budget -= static_cast<std::int64_t>(constant->size_bytes());
      // The value stays, so readers and graph outputs keep their name.
      graph.value(node.outputs[0]).constant = std::move(constant);
      changed = true;
    } else {
      kept.push_back(std::move(node));
    }
  }
  graph.nodes() = std::move(kept);
  return changed;
}

}  // namespace octet
