#include "octet/runtime/integer_layer.h"

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/window.h"
#include "octet/graph/quantize_bias.h"

namespace octet {
namespace {

// A bias has half of int32, the products have the other half (numerics clause 3).
constexpr double kLargestBias = 0x1p30;
constexpr double kZeroChannelBias = 0x1p20;

/// The output that the code at an index of the weight, in its own layout, belongs to.
struct OutputOf {
  std::size_t inner = 1, outputs = 1;  // along the axis that counts outputs
  std::size_t elements_per_group = 0;  // of a ConvTranspose, whose groups lie one by one
  std::size_t operator()(std::size_t index) const {
    const std::size_t group = elements_per_group > 0 ? index / elements_per_group : 0;
    return group * outputs + index / inner % outputs;
  }
};
OutputOf output_of(const Op& op, const Shape& shape) {
  OutputOf result;
  const int axis = weight_output_axis(op);
  result.outputs = static_cast<std::size_t>(shape[axis]);
  for (int i = axis + 1; i < shape.rank(); ++i) result.inner *= static_cast<std::size_t>(shape[i]);
  if (const ConvTransposeOptions* transpose = conv_transpose_of(op)) {
    result.elements_per_group = static_cast<std::size_t>(shape.num_elements() / transpose->groups);
  }
  return result;
}

/// Calls `visit` with the output and the value, less its zero point, of every weight.
template <typename Visit>
void for_each_weight(const IntegerLayer& layer, const Op& op, Visit visit) {
  const OutputOf output_at = output_of(op, layer.codes->shape());
  const auto walk = [&]<typename T>(std::span<const T> codes) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const std::size_t output = output_at(i);
      visit(output, codes[i] - layer.zero_point[output]);
    }
  };
  if (layer.codes->dtype() == DType::kInt8) return walk(layer.codes->data<std::int8_t>());
  walk(layer.codes->data<std::uint8_t>());
}

/// The bias as numbers: a float constant, or the numbers behind one that is dequantized.
std::optional<Tensor> bias_numbers(const Graph& graph, const IntegerNodeFinder& nodes,
                                   ValueId bias) {
  if (const auto& constant = graph.value(bias).constant) {
    return constant->dtype() == DType::kFloat32 ? constant : std::nullopt;
  }
  const auto codes = nodes.dequantized(bias);
  const Tensor* integers = codes && graph.value(codes->integers).constant
                               ? &*graph.value(codes->integers).constant
                               : nullptr;
  if (!integers || integers->dtype() != codes->params.dtype) return std::nullopt;
  return dequantize(*integers, codes->params);
}

/// The int32 codes of a bias that is written in the very steps of the sums.
const Tensor* bias_codes(const Graph& graph, const IntegerNodeFinder& nodes, ValueId bias,
                         float input_scale, const std::vector<float>& weight_scale) {
  const auto codes = nodes.dequantized(bias);
  if (!codes || codes->params.dtype != DType::kInt32) return nullptr;
  const auto& constant = graph.value(codes->integers).constant;
  if (!constant || constant->dtype() != DType::kInt32) return nullptr;
  const auto& scale = codes->params.scale;
  for (std::size_t i = 0; i < weight_scale.size(); ++i) {
    const double expected = double{input_scale} * weight_scale[i];
    const double found = scale[scale.size() == 1 ? 0 : i];
    // Other tools multiply in float32 or round the product otherwise.
    if (std::abs(found - expected) > expected * 0x1p-20) return nullptr;
  }
  const bool zero = std::ranges::all_of(codes->params.zero_point, [](int z) { return z == 0; });
  return zero ? &*constant : nullptr;
}

/// Gives outputs without weights a scale that their bias fits: their products are 0 in any.
void fit_zero_outputs(const Tensor& bias, float input_scale, const std::vector<bool>& zero,
                      std::vector<float>& scale) {
  for (std::size_t i = 0; i < scale.size(); ++i) {
    const double size = std::abs(double{bias.data<float>()[i]});
    if (!zero[i] || size == 0) continue;
    scale[i] = static_cast<float>(std::max(size / kZeroChannelBias, 0x1p-126) / input_scale);
  }
}

/// Why the bias has no codes of the right size; empty if it has.
std::string why_no_bias_codes(const Tensor& bias, float input_scale,
                              const std::vector<float>& scale) {
  for (std::size_t i = 0; i < scale.size(); ++i) {
    const double steps = bias.data<float>()[i] / (double{input_scale} * scale[i]);
    if (!(std::abs(steps) <= kLargestBias)) {
      return "the bias of output " + std::to_string(i) + " is " +
             std::to_string(bias.data<float>()[i]) +
             ", more than 2^30 steps of input scale x weight scale";
    }
  }
  return "";
}

bool read_bias(const Graph& graph, const IntegerNodeFinder& nodes, const Node& node,
               float input_scale, IntegerLayer& layer, std::string* why_not) {
  layer.bias.assign(layer.scale.size(), 0);
  if (node.inputs.size() < 3 || !node.inputs[2]) return true;
  const auto refuse = [&](std::string why) {
    if (why_not) *why_not = std::move(why);
    return false;
  };
  const ValueId bias = *node.inputs[2];
  const Tensor* codes = bias_codes(graph, nodes, bias, input_scale, layer.scale);
  std::optional<Tensor> quantized;
  if (!codes) {
    const std::optional<Tensor> numbers = bias_numbers(graph, nodes, bias);
    if (!numbers) return refuse("the bias is computed when the network runs");
    if (numbers->num_elements() != static_cast<std::int64_t>(layer.scale.size())) {
      return refuse("the bias has " + std::to_string(numbers->num_elements()) + " elements for " +
                    std::to_string(layer.scale.size()) + " outputs");
    }
    std::vector<bool> zero(layer.scale.size(), true);
    for_each_weight(layer, node.op, [&](std::size_t output, int weight) {
      if (weight != 0) zero[output] = false;
    });
    fit_zero_outputs(*numbers, input_scale, zero, layer.scale);
    std::string why = why_no_bias_codes(*numbers, input_scale, layer.scale);
    if (!why.empty()) return refuse(std::move(why));
    quantized = quantize_bias(*numbers, input_scale, layer.scale);
    codes = &*quantized;
  }
  if (codes->num_elements() != static_cast<std::int64_t>(layer.scale.size())) {
    return refuse("the bias has " + std::to_string(codes->num_elements()) + " elements for " +
                  std::to_string(layer.scale.size()) + " outputs");
  }
  std::ranges::copy(codes->data<std::int32_t>(), layer.bias.begin());
  return true;
}

}  // namespace

int weight_output_axis(const Op& op) {
  const auto* gemm = std::get_if<Gemm>(&op);
  const bool inputs_first =
      (gemm && !gemm->transpose_b) || std::holds_alternative<MatMul>(op) || conv_transpose_of(op);
  return inputs_first ? 1 : 0;
}

std::optional<IntegerLayer> integer_layer(const Graph& graph, const IntegerNodeFinder& nodes,
                                          const Node& node, float input_scale,
                                          std::string* why_not) {
  const auto refuse = [&](std::string why) -> std::optional<IntegerLayer> {
    if (why_not) *why_not = std::move(why);
    return std::nullopt;
  };
  const auto weights = nodes.dequantized(*node.inputs[1]);
  if (!weights || !graph.value(weights->integers).constant) return refuse("the weights are float");
  const TensorQuantParams& params = weights->params;
  if (params.dtype != DType::kInt8 && params.dtype != DType::kUInt8) {
    return refuse("the weights are " + std::string(to_string(params.dtype)) +
                  ", not int8 or uint8");
  }
  const int axis = weight_output_axis(node.op);
  if (params.axis && *params.axis != axis) {
    return refuse("the weights have a scale per index of axis " + std::to_string(*params.axis) +
                  ", not per output");
  }
  IntegerLayer layer;
  layer.codes = &*graph.value(weights->integers).constant;
  const ConvTransposeOptions* transpose = conv_transpose_of(node.op);
  const auto outputs =
      static_cast<std::size_t>(layer.codes->shape()[axis] * (transpose ? transpose->groups : 1));
  for (std::size_t output = 0; output < outputs; ++output) {
    layer.scale.push_back(params.scale[output % params.scale.size()]);
    layer.zero_point.push_back(params.zero_point[output % params.zero_point.size()]);
  }
  if (transpose) {
    bool fits = true;
    for_each_weight(layer, node.op, [&](std::size_t, int weight) {
      fits = fits && weight >= -128 && weight <= 127;
    });
    if (!fits) return refuse("the weights less their zero points do not fit int8");
  }
  if (!read_bias(graph, nodes, node, input_scale, layer, why_not)) return std::nullopt;
  return layer;
}

}  // namespace octet
