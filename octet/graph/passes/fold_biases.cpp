#include <algorithm>

#include "octet/graph/passes/passes.h"
#include "octet/graph/quantized_constant.h"

namespace octet {
namespace {

using Producers = std::vector<std::optional<NodeId>>;

const Node* producer_of(const Graph& graph, const Producers& producer, ValueId value) {
  const std::optional<NodeId>& id = producer[static_cast<std::size_t>(value)];
  return id ? &graph.node(*id) : nullptr;
}

/// Whether the node multiplies rows by a constant matrix, which is what Gemm says.
bool is_linear(const Graph& graph, const Producers& producer, const Node& node) {
  if (!std::holds_alternative<MatMul>(node.op)) return false;
  const Value& x = graph.value(*node.inputs[0]);
  const Value& weight = graph.value(*node.inputs[1]);
  if (weight.dtype != DType::kFloat32 || x.shape.rank() != 2 || weight.shape.rank() != 2) {
    return false;
  }
  if (weight.constant) return true;
  // Also one of integers, unless the rows have integers as well: then a float bias that became part
  // of the product would keep it from integer kernels.
  const Node* from = producer_of(graph, producer, *node.inputs[1]);
  const Node* rows = producer_of(graph, producer, *node.inputs[0]);
  return from && is_quantized_constant(graph, *from) &&
         !(rows && std::holds_alternative<DequantizeLinear>(rows->op));
}

/// The output channels that `node` may add a bias to, and where they are among the axes of its
/// output; nullopt if it takes none or has one.
struct Channels {
  std::int64_t count;
  int axes_behind;
};
std::optional<Channels> unbiased_channels(const Graph& graph, const Node& node) {
  if (node.inputs.size() > 2 && node.inputs[2]) return std::nullopt;
  if (const auto* gemm = std::get_if<Gemm>(&node.op); gemm && gemm->activation.is_identity()) {
    return Channels{graph.value(*node.inputs[1]).shape[gemm->transpose_b ? 0 : 1], 0};
  }
  if (const auto* conv = std::get_if<Conv2d>(&node.op); conv && conv->activation.is_identity()) {
    return Channels{graph.value(*node.inputs[1]).shape[0], 2};
  }
  return std::nullopt;
}

/// Whether a constant of this shape adds one number per channel: [..., 1, channels, 1, ..., 1].
bool is_per_channel(const Shape& shape, const Channels& channels, int output_rank) {
  const int axis = shape.rank() - 1 - channels.axes_behind;
  if (axis < 0 || shape.rank() > output_rank) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] != (i == axis ? channels.count : 1)) return false;
  }
  return true;
}

class BiasFolder {
 public:
  explicit BiasFolder(Graph& graph)
      : graph_(graph), producer_(producers(graph)), readers_(consumers(graph)) {}

  /// Makes the addition part of the node before it, if that is possible.
  bool fold(const Node& node) {
    const auto* add = std::get_if<Add>(&node.op);
    if (!add || !add->activation.is_identity()) return false;
    return fold_operand(node, 0) || fold_operand(node, 1);
  }

 private:
  bool fold_operand(const Node& add, std::size_t operand) {
    const ValueId bias = *add.inputs[operand], sum = *add.inputs[1 - operand];
    const auto index = static_cast<std::size_t>(sum);
    if (!graph_.value(bias).constant || graph_.value(bias).dtype != DType::kFloat32 ||
        !producer_[index] || readers_[index].size() != 1 || is_graph_output(graph_, sum)) {
      return false;
    }
    Node& before = graph_.node(*producer_[index]);
    const std::optional<Channels> channels = unbiased_channels(graph_, before);
    if (!channels ||
        !is_per_channel(graph_.value(bias).shape, *channels, graph_.value(sum).shape.rank())) {
      return false;
    }
    before.inputs.resize(2);
    before.inputs.emplace_back(vector_of(bias, channels->count));
    // The result keeps the name that readers know.
    before.outputs[0] = add.outputs[0];
    producer_[static_cast<std::size_t>(add.outputs[0])] = producer_[index];
    return true;
  }

  ValueId vector_of(ValueId constant, std::int64_t count) {
    const Value& value = graph_.value(constant);
    if (value.shape == Shape{count}) return constant;
    const std::string name = graph_.unique_value_name(value.name + "_vector");
    const ValueId vector = graph_.add_constant(name, value.constant->reshaped({count}));
    producer_.emplace_back();
    readers_.emplace_back();
    return vector;
  }

  Graph& graph_;
  std::vector<std::optional<NodeId>> producer_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

bool fold_biases(Graph& graph) {
  bool changed = false;
  const Producers producer = producers(graph);
  for (Node& node : graph.nodes()) {
    if (!is_linear(graph, producer, node)) continue;
    node.op = Gemm{.transpose_b = false, .activation = {}};
    changed = true;
  }
  BiasFolder folder(graph);
  std::vector<bool> folded;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    folded.push_back(folder.fold(graph.nodes()[i]));
  }
  std::size_t index = 0;
  return std::erase_if(graph.nodes(), [&](const Node&) { return folded[index++]; }) > 0 || changed;
}

}  // namespace octet
