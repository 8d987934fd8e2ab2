// PyTorch's quantization-aware ConvBn modules scale the weights before they quantize them and undo
// it behind the convolution: Conv, Div, Add, BatchNormalization. On quantized weights all of that
// is another scale per output channel and another bias.

#include <algorithm>
#include <cmath>

#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

/// y = factor * x + offset per channel, in double.
struct Affine {
  std::vector<double> factor, offset;

  explicit Affine(std::size_t channels) : factor(channels, 1.0), offset(channels, 0.0) {}
  bool folds() const {
    return std::ranges::all_of(factor, [](double f) { return std::isfinite(f) && f != 0.0; }) &&
           std::ranges::all_of(offset, [](double o) { return std::isfinite(o); });
  }
};

class ScaleFolder {
 public:
  explicit ScaleFolder(Graph& graph)
      : graph_(graph), producer_(producers(graph)), readers_(consumers(graph)) {}

  /// Folds the chain behind a node; false if there is none or it must stay.
  bool fold(std::size_t index) {
    const Node& layer = graph_.nodes()[index];
    const int axis = channel_axis(layer);
    if (axis < 0) return false;
    const Node* weights = weights_of(layer);
    if (!weights || !has_float_bias(layer)) return false;
    const auto& params = std::get<DequantizeLinear>(weights->op).params;
    const Tensor& codes = *graph_.value(*weights->inputs[0]).constant;
    if ((params.axis && *params.axis != axis) || codes.shape().rank() <= axis) return false;
    Affine affine(static_cast<std::size_t>(codes.shape()[axis]));
    const int behind = std::holds_alternative<Conv2d>(layer.op) ? 2 : 0;
    ValueId last = layer.outputs[0];
    bool scales = false;
    std::vector<NodeId> chain;
    for (const Node* next = only_reader(last); next; next = only_reader(last)) {
      const bool only_adds =
          std::holds_alternative<Add>(next->op) || std::holds_alternative<Sub>(next->op);
      if (!append(*next, last, behind, affine)) break;
      scales = scales || !only_adds;
      chain.push_back(readers_[static_cast<std::size_t>(last)][0]);
      last = next->outputs[0];
    }
    if (!scales || !affine.folds()) return false;
    return absorb(index, axis, affine, chain, last);
  }

  const std::vector<NodeId>& folded() const { return folded_; }

 private:
  /// The axis of the weight that counts output channels; -1 for an op that takes no scale.
  static int channel_axis(const Node& node) {
    if (const auto* conv = std::get_if<Conv2d>(&node.op)) {
      return conv->activation.is_identity() ? 0 : -1;
    }
    const auto* gemm = std::get_if<Gemm>(&node.op);
    return gemm && gemm->activation.is_identity() ? (gemm->transpose_b ? 0 : 1) : -1;
  }

  /// The DequantizeLinear of int8 constants with zero points 0 that gives the weights.
  const Node* weights_of(const Node& layer) const {
    const auto id = producer_[static_cast<std::size_t>(*layer.inputs[1])];
    const Node* node = id ? &graph_.node(*id) : nullptr;
    const auto* dequantize = node ? std::get_if<DequantizeLinear>(&node->op) : nullptr;
    const bool plain =
        dequantize && dequantize->params.dtype == DType::kInt8 &&
        std::ranges::all_of(dequantize->params.zero_point, [](int z) { return z == 0; }) &&
        graph_.value(*node->inputs[0]).constant;
    return plain ? node : nullptr;
  }

  bool has_float_bias(const Node& layer) const {
    if (layer.inputs.size() < 3 || !layer.inputs[2]) return true;
    const Value& bias = graph_.value(*layer.inputs[2]);
    return bias.constant && bias.dtype == DType::kFloat32;
  }

  const Node* only_reader(ValueId value) const {
    const auto& readers = readers_[static_cast<std::size_t>(value)];
    if (readers.size() != 1 || is_graph_output(graph_, value)) return nullptr;
    return &graph_.node(readers[0]);
  }

  /// One number per channel: a constant [..., channels, 1, 1] with `behind` axes behind, or a
  /// scalar.
  std::optional<std::vector<double>> per_channel(ValueId id, std::size_t channels,
                                                 int behind) const {
    const auto& constant = graph_.value(id).constant;
    if (!constant || constant->dtype() != DType::kFloat32) return std::nullopt;
    const auto values = constant->data<float>();
    if (values.size() == 1) return std::vector<double>(channels, values[0]);
    const Shape& shape = constant->shape();
    const int axis = shape.rank() - 1 - behind;
    if (axis < 0 || values.size() != channels ||
        shape[axis] != static_cast<std::int64_t>(channels)) {
      return std::nullopt;
    }
    return std::vector<double>(values.begin(), values.end());
  }

  bool append(const Node& node, ValueId from, int behind, Affine& affine) const {
    if (std::holds_alternative<BatchNorm>(node.op)) return append_norm(node, affine);
    const bool adds = std::holds_alternative<Add>(node.op),
               subtracts = std::holds_alternative<Sub>(node.op),
               divides = std::holds_alternative<Div>(node.op);
    if (!adds && !subtracts && !divides && !std::holds_alternative<Mul>(node.op)) return false;
    if (adds && !std::get<Add>(node.op).activation.is_identity()) return false;
    const bool first = node.inputs[0] == from;
    if ((subtracts || divides) && !first) return false;
    const ValueId other = *node.inputs[first ? 1 : 0];
    // A constant of higher rank would change the shape.
    if (graph_.value(other).shape.rank() > graph_.value(from).shape.rank()) return false;
    const auto values = per_channel(other, affine.factor.size(), behind);
    if (!values) return false;
    for (std::size_t c = 0; c < values->size(); ++c) {
      const double value = (*values)[c];
      if (adds || subtracts) {
        affine.offset[c] += adds ? value : -value;
      } else {
        affine.factor[c] = divides ? affine.factor[c] / value : affine.factor[c] * value;
        affine.offset[c] = divides ? affine.offset[c] / value : affine.offset[c] * value;
      }
    }
    return true;
  }

  bool append_norm(const Node& node, Affine& affine) const {
    std::array<std::span<const float>, 4> statistics;  // scale, bias, mean, variance
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& constant = graph_.value(*node.inputs[i + 1]).constant;
      if (!constant || constant->dtype() != DType::kFloat32) return false;
      statistics[i] = constant->data<float>();
      if (statistics[i].size() != affine.factor.size()) return false;
    }
    const double epsilon = std::get<BatchNorm>(node.op).epsilon;
    for (std::size_t c = 0; c < affine.factor.size(); ++c) {
      const double factor = statistics[0][c] / std::sqrt(double{statistics[3][c]} + epsilon);
      affine.factor[c] *= factor;
      affine.offset[c] = (affine.offset[c] - statistics[2][c]) * factor + statistics[1][c];
    }
    return true;
  }

  /// Gives the layer a weight and a bias of its own, so that other readers keep theirs.
  bool absorb(std::size_t index, int axis, const Affine& affine, const std::vector<NodeId>& chain,
              ValueId last) {
    const Node layer = graph_.nodes()[index];
    const Node weights = *weights_of(layer);
    TensorQuantParams params = std::get<DequantizeLinear>(weights.op).params;
    Tensor codes = *graph_.value(*weights.inputs[0]).constant;
    const std::size_t channels = affine.factor.size();
    if (!params.axis) {
      params.scale.assign(channels, params.scale[0]);
      params.zero_point.assign(channels, 0);
      params.axis = axis;
    }
    for (std::size_t c = 0; c < channels; ++c) {
      params.scale[c] = static_cast<float>(params.scale[c] * std::abs(affine.factor[c]));
      if (!std::isnormal(params.scale[c])) return false;
    }
    if (!negate(codes, axis, affine.factor)) return false;
    Tensor bias(DType::kFloat32, Shape{static_cast<std::int64_t>(channels)});
    const bool has_bias = layer.inputs.size() > 2 && layer.inputs[2];
    if (has_bias && graph_.value(*layer.inputs[2]).constant->num_elements() !=
                        static_cast<std::int64_t>(channels)) {
      return false;
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const double old = has_bias ? graph_.value(*layer.inputs[2]).constant->data<float>()[c] : 0.0;
      bias.mutable_data<float>()[c] = static_cast<float>(old * affine.factor[c] + affine.offset[c]);
    }
    const std::string name = graph_.value(*weights.inputs[0]).name;
    const ValueId scaled = new_constant(name + "_scaled", std::move(codes));
    const ValueId offset = new_constant(name + "_bias", std::move(bias));
    const ValueId numbers =
        graph_.add_value(graph_.unique_value_name(name + "_scaled_dequantized"), DType::kFloat32);
    graph_.add_node(weights.name + "_scaled", DequantizeLinear{std::move(params)}, {scaled},
                    {numbers});
    Node& node = graph_.nodes()[index];
    node.inputs = {node.inputs[0], numbers, offset};
    node.outputs[0] = last;
    folded_.insert(folded_.end(), chain.begin(), chain.end());
    return true;
  }

  /// A negative factor turns the sign of the channel's codes; false if -128 has no counterpart.
  static bool negate(Tensor& codes, int axis, const std::vector<double>& factor) {
    std::size_t inner = 1;
    for (int i = axis + 1; i < codes.shape().rank(); ++i) {
      inner *= static_cast<std::size_t>(codes.shape()[i]);
    }
    const auto values = codes.mutable_data<std::int8_t>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (factor[i / inner % factor.size()] > 0) continue;
      if (values[i] == -128) return false;
      values[i] = static_cast<std::int8_t>(-values[i]);
    }
    return true;
  }

  ValueId new_constant(const std::string& name, Tensor tensor) {
    return graph_.add_constant(graph_.unique_value_name(name), std::move(tensor));
  }

  Graph& graph_;
  std::vector<std::optional<NodeId>> producer_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<NodeId> folded_;
};

}  // namespace

bool fold_channel_scales(Graph& graph) {
  ScaleFolder folder(graph);
  const std::size_t count = graph.nodes().size();
  bool changed = false;
  for (std::size_t i = 0; i < count; ++i) changed = folder.fold(i) || changed;
  if (!changed) return false;
  std::vector<bool> gone(graph.nodes().size(), false);
  for (const NodeId id : folder.folded()) gone[static_cast<std::size_t>(id)] = true;
  std::size_t index = 0;
  std::erase_if(graph.nodes(), [&](const Node&) { return gone[index++]; });
  graph.sort();
  return true;
}

}  // namespace octet
