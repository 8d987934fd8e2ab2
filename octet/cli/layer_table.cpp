#include "octet/cli/layer_table.h"

#include <algorithm>

#include "octet/base/nibbles.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/quantized_constant.h"
#include "octet/graph/tensor_function.h"

namespace octet::cli {
namespace {

/// Layers are the nodes that compute; moving data and quantizing are not layers.
bool is_layer(const Op& op) {
  return std::visit(
      Overloaded{[](const Conv2d&) { return true; }, [](const Gemm&) { return true; },
                 [](const MatMul&) { return true; }, [](const MatMulInteger&) { return true; },
                 [](const Add&) { return true; }, [](const Mul&) { return true; },
                 [](const MaxPool&) { return true; }, [](const AveragePool&) { return true; },
                 [](const GlobalAveragePool&) { return true; }, [](const Concat&) { return true; },
                 [](const Sigmoid&) { return true; }, [](const Tanh&) { return true; },
                 [](const HardSigmoid&) { return true; }, [](const HardSwish&) { return true; },
                 [](const Softmax&) { return true; }, [](const Sub&) { return true; },
                 [](const Div&) { return true; },
                 [](const Function& function) {
                   return function.definition->flow() != ElementFlow::kMoves;
                 },
                 [](const auto&) { return false; }},
      op);
}

int bits_needed(std::span<const std::int8_t> values) {
  int bits = 2;
  for (const std::int8_t value : values) {
    while (value < -(1 << (bits - 1)) || value > (1 << (bits - 1)) - 1) ++bits;
  }
  return bits;
}

double share_of_zeros(const Tensor& floats) {
  if (floats.num_elements() == 0) return 0;
  const auto count = std::ranges::count(floats.data<float>(), 0.0f);
  return static_cast<double>(count) / static_cast<double>(floats.num_elements());
}

/// Of unsigned codes their type's.
int bits_of_codes(const Tensor& codes) {
  if (codes.dtype() == DType::kUInt4) return 4;
  if (codes.dtype() == DType::kUInt8) return 8;
  return bits_needed(unpack_nibbles(codes).data<std::int8_t>());
}

class LayerReader {
 public:
  explicit LayerReader(const Graph& graph)
      : graph_(graph), producers_(producers(graph)), consumers_(consumers(graph)) {}

  LayerInfo read(const Node& node) const {
    LayerInfo layer;
    layer.name = node.name;
    layer.op = op_name(node.op);
    layer.macs = count_macs(graph_, node);
    // The second input of other functions is no weight: axes, an exponent, a shift.
    const bool may_have_weight =
        !std::holds_alternative<Function>(node.op) || conv_transpose_of(node.op);
    if (may_have_weight && node.inputs.size() > 1 && node.inputs[1]) {
      read_weight(*node.inputs[1], layer);
    }
    if (const auto* params = dequantized_by(*node.inputs[0])) {
      layer.input_scale = params->scale[0];
      layer.input_zero_point = params->zero_point[0];
    }
    if (const auto* params = quantized_after(node.outputs[0])) {
      layer.output_scale = params->scale[0];
      layer.output_zero_point = params->zero_point[0];
    }
    return layer;
  }

 private:
  const Node* producer(ValueId value) const {
    const auto& id = producers_[static_cast<std::size_t>(value)];
    return id ? &graph_.node(*id) : nullptr;
  }

  const TensorQuantParams* dequantized_by(ValueId value) const {
    const Node* node = producer(value);
    const auto* dequantize = node ? std::get_if<DequantizeLinear>(&node->op) : nullptr;
    return dequantize ? &dequantize->params : nullptr;
  }

  /// The QuantizeLinear behind the node, past the activation that the exporter wrote out.
  const TensorQuantParams* quantized_after(ValueId value) const {
    const auto& readers = consumers_[static_cast<std::size_t>(value)];
    if (readers.size() != 1) return nullptr;
    const Node& reader = graph_.node(readers[0]);
    if (const auto* quantize = std::get_if<QuantizeLinear>(&reader.op)) return &quantize->params;
    const bool fused =
        std::holds_alternative<Relu>(reader.op) || std::holds_alternative<Clip>(reader.op);
    return fused ? quantized_after(reader.outputs[0]) : nullptr;
  }

  void read_weight(ValueId value, LayerInfo& layer) const {
    const Node* node = producer(value);
    const auto quantized = node ? quantized_constant(graph_, *node) : std::nullopt;
    layer.weight = quantized ? quantized->codes : graph_.value(value).constant;
    if (!layer.weight) return;
    const DType dtype = layer.weight->dtype();
    layer.weight_dtype = to_string(dtype);
    if (quantized && dtype != DType::kInt32) {
      const std::span<const float> scale = quantized->scale.data<float>();
      layer.weight_scale.assign(scale.begin(), scale.end());
      layer.weight_bits = bits_of_codes(*layer.weight);
      layer.sparsity = share_of_zeros(dequantize(*quantized));
    } else if (dtype == DType::kFloat32) {
      layer.weight_bits = 32;
      layer.sparsity = share_of_zeros(*layer.weight);
    } else if (dtype == DType::kInt8) {
      layer.weight_bits = bits_needed(layer.weight->data<std::int8_t>());
      const auto zeros = std::ranges::count(layer.weight->data<std::int8_t>(), 0);
      layer.sparsity = static_cast<double>(zeros) /
                       static_cast<double>(std::max<std::int64_t>(layer.weight->num_elements(), 1));
    }
  }

  const Graph& graph_;
  std::vector<std::optional<NodeId>> producers_;
  std::vector<std::vector<NodeId>> consumers_;
};

}  // namespace

std::vector<LayerInfo> layer_table(const Graph& graph, std::span<const PlanLayer> plan) {
  const LayerReader reader(graph);
  std::vector<LayerInfo> layers;
  for (const Node& node : graph.nodes()) {
    if (!is_layer(node.op)) continue;
    LayerInfo layer = reader.read(node);
    // A node may need several steps; the last one computes, those before prepare its inputs.
    for (const PlanLayer& step : plan) {
      if (step.name != node.name) continue;
      layer.kernel = step.kernel;
      layer.why_float = step.why_float;
    }
    if (!plan.empty() && layer.kernel.empty()) continue;  // taken in by another layer
    layers.push_back(std::move(layer));
  }
  return layers;
}

nlohmann::ordered_json to_json_document(const LayerInfo& layer) {
  nlohmann::ordered_json document{{"name", layer.name}, {"op", layer.op}, {"macs", layer.macs}};
  if (!layer.kernel.empty()) document["kernel"] = layer.kernel;
  if (!layer.why_float.empty()) document["why_float"] = layer.why_float;
  if (layer.weight) {
    document["weight_dtype"] = layer.weight_dtype;
    document["weight_bits"] = layer.weight_bits;
    document["sparsity"] = layer.sparsity;
  }
  if (!layer.weight_scale.empty()) document["weight_scale"] = layer.weight_scale;
  if (layer.input_scale) {
    document["input_scale"] = *layer.input_scale;
    document["input_zero_point"] = *layer.input_zero_point;
  }
  if (layer.output_scale) {
    document["output_scale"] = *layer.output_scale;
    document["output_zero_point"] = *layer.output_zero_point;
  }
  return document;
}

}  // namespace octet::cli
