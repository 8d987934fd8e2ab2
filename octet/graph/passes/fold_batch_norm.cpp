#include <cmath>

#include "octet/graph/node_error.h"
#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

/// y = factor * x + offset per channel.
struct Affine {
  std::vector<double> factor, offset;
};

bool is_float_constant(const Graph& graph, const std::optional<ValueId>& id) {
  return id && graph.value(*id).constant && graph.value(*id).dtype == DType::kFloat32;
}

std::span<const float> constant_data(const Graph& graph, const Node& node, std::size_t input) {
  return graph.value(*node.inputs[input]).constant->data<float>();
}

Affine affine_of(const Graph& graph, const Node& node, const BatchNorm& norm) {
  const auto scale = constant_data(graph, node, 1), bias = constant_data(graph, node, 2);
  const auto mean = constant_data(graph, node, 3), variance = constant_data(graph, node, 4);
  Affine affine;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    affine.factor.push_back(scale[c] / std::sqrt(double{variance[c]} + norm.epsilon));
    affine.offset.push_back(bias[c] - affine.factor[c] * mean[c]);
  }
  return affine;
}

class BatchNormFolder {
 public:
  explicit BatchNormFolder(Graph& graph)
      : graph_(graph), producer_(producers(graph)), consumers_(consumers(graph)) {}

  /// Folds a BatchNorm node into the node before it; false if it must stay.
  bool fold(const Node& node) {
    const auto* norm = std::get_if<BatchNorm>(&node.op);
    if (!norm) return false;
    for (std::size_t i = 1; i < 5; ++i) {
      if (!is_float_constant(graph_, node.inputs[i])) return false;
    }
    const ValueId x = *node.inputs[0];
    const std::optional<NodeId> producer = producer_[static_cast<std::size_t>(x)];
    const bool only_reader = consumers_[static_cast<std::size_t>(x)].size() == 1;
    if (!producer || !only_reader || is_graph_output(graph_, x)) return false;
    Node& linear = graph_.node(*producer);
    if (!can_absorb(linear)) return false;
    absorb(linear, affine_of(graph_, node, *norm));
    linear.outputs[0] = node.outputs[0];
    producer_[static_cast<std::size_t>(node.outputs[0])] = producer;
    return true;
  }

 private:
  bool can_absorb(const Node& node) const {
    const bool linear =
        std::visit(Overloaded{
                       [](const Conv2d& conv) { return conv.activation.is_identity(); },
                       [](const Gemm& gemm) { return gemm.activation.is_identity(); },
                       [](const auto&) { return false; },
                   },
                   node.op);
    // A quantized weight comes out of a DequantizeLinear: it is no constant and stays as it is.
    return linear && is_float_constant(graph_, node.inputs[1]) &&
           (node.inputs.size() < 3 || !node.inputs[2] || is_float_constant(graph_, node.inputs[2]));
  }

  void absorb(Node& node, const Affine& affine) {
    const std::size_t channels = affine.factor.size();
    Tensor weight = *graph_.value(*node.inputs[1]).constant;
    const std::span<float> w = weight.mutable_data<float>();
    const auto* gemm = std::get_if<Gemm>(&node.op);
    const bool channel_is_last = gemm && !gemm->transpose_b;  // [k, n]; else [n, k], [oc, ...]
    const std::size_t per_channel = w.size() / channels;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const std::size_t channel = channel_is_last ? i % channels : i / per_channel;
      w[i] = static_cast<float>(w[i] * affine.factor[channel]);
    }
    Tensor bias(DType::kFloat32, Shape{static_cast<std::int64_t>(channels)});
    const std::span<float> b = bias.mutable_data<float>();
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2];
    const std::vector<float> old_bias =
        has_bias ? to_vector(*node.inputs[2]) : std::vector<float>(channels, 0.0f);
    for (std::size_t c = 0; c < channels; ++c) {
      b[c] = static_cast<float>(old_bias[c] * affine.factor[c] + affine.offset[c]);
    }
    const std::string weight_name = graph_.value(*node.inputs[1]).name;
    node.inputs.resize(3);
    node.inputs[1] = replace_constant(*node.inputs[1], std::move(weight));
    node.inputs[2] = has_bias ? replace_constant(*node.inputs[2], std::move(bias))
                              : add_constant(bias_name(weight_name), std::move(bias));
  }

  std::vector<float> to_vector(ValueId id) const {
    const std::span<const float> data = graph_.value(id).constant->data<float>();
    return {data.begin(), data.end()};
  }

  static std::string bias_name(const std::string& weight_name) {
    const std::string suffix = "weight";
    return weight_name.ends_with(suffix)
               ? weight_name.substr(0, weight_name.size() - suffix.size()) + "bias"
               : weight_name + ".bias";
  }

  /// In place if nothing else reads the constant, else as a new one.
  ValueId replace_constant(ValueId id, Tensor tensor) {
    if (consumers_[static_cast<std::size_t>(id)].size() == 1 && !is_graph_output(graph_, id)) {
      graph_.value(id).constant = std::move(tensor);
      return id;
    }
    return add_constant(graph_.value(id).name, std::move(tensor));
  }

  ValueId add_constant(const std::string& name, Tensor tensor) {
    const ValueId id = graph_.add_constant(graph_.unique_value_name(name), std::move(tensor));
    producer_.emplace_back();
    consumers_.emplace_back(1);  // the node that it was made for
    return id;
  }

  Graph& graph_;
  std::vector<std::optional<NodeId>> producer_;
  std::vector<std::vector<NodeId>> consumers_;
};

}  // namespace

bool fold_batch_norm(Graph& graph) {
  BatchNormFolder folder(graph);
  std::vector<bool> folded;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    folded.push_back(folder.fold(graph.nodes()[i]));
  }
  std::size_t index = 0;
  return std::erase_if(graph.nodes(), [&](const Node&) { return folded[index++]; }) > 0;
}

}  // namespace octet
