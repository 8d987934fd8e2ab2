#include "octet/quant/layer_integers.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/quantize_bias.h"
#include "octet/quant/quant_points.h"

namespace octet {
namespace {

constexpr double kLargestBias = 0x1p30;
constexpr double kZeroChannelBias = 0x1p20;

/// The smallest float that is not below `value`.
float round_up(double value) {
  const float rounded = static_cast<float>(value);
  return double{rounded} < value ? std::nextafter(rounded, std::numeric_limits<float>::infinity())
                                 : rounded;
}

/// Per scale of `params`, whether any weight differs from 0. The floats decide, not the codes: a
/// smaller scale must not bring back weights that a large one rounded away.
std::vector<bool> nonzero_channels(const Tensor& weight, const TensorQuantParams& params) {
  std::vector<bool> nonzero(params.scale.size(), false);
  const std::span<const float> values = weight.data<float>();
  const std::int64_t channels = static_cast<std::int64_t>(params.scale.size());
  std::int64_t inner = weight.num_elements();
  if (params.axis) {
    inner = 1;
    for (int d = *params.axis + 1; d < weight.shape().rank(); ++d) inner *= weight.shape()[d];
  }
  for (std::int64_t i = 0; i < weight.num_elements(); ++i) {
    if (values[static_cast<std::size_t>(i)] == 0.0f) continue;
    nonzero[static_cast<std::size_t>(i / inner % channels)] = true;
  }
  return nonzero;
}

/// Largest |bias| per scale of the weight: of the channel (of every group), or of all channels.
std::vector<double> largest_bias(const Tensor* bias, std::size_t scales) {
  std::vector<double> largest(scales, 0.0);
  if (!bias) return largest;
  const std::span<const float> values = bias->data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    double& seen = largest[i % scales];
    seen = std::max(seen, std::fabs(double{values[i]}));
  }
  return largest;
}

/// The scale that one channel needs instead of `scale`.
float fitting_scale(float scale, bool all_zero, double bias, double input_scale) {
  if (all_zero && bias > 0) {
    return round_up(std::max(bias / kZeroChannelBias, double{FLT_MIN}) / input_scale);
  }
  const double smallest = std::max(bias / kLargestBias, double{FLT_MIN}) / input_scale;
  return double{scale} < smallest ? round_up(smallest) : scale;
}

const Tensor* bias_of(const Graph& graph, const Node& node, std::optional<ValueId> added,
                      std::int64_t channels) {
  if (!added && node.inputs.size() > 2) added = node.inputs[2];
  if (!added) return nullptr;
  const Tensor& bias = *graph.value(*added).constant;
  if (bias.num_elements() != channels) {
    fail(ErrorKind::kBadData, "quantize: node '", node.name, "': bias ", to_string(bias.shape()),
         ", accepted: ", channels, " elements");
  }
  for (const float value : bias.data<float>()) {
    if (!std::isfinite(value)) {
      fail(ErrorKind::kBadData, "quantize: node '", node.name, "': bias holds ", value,
           ", accepted: finite numbers");
    }
  }
  return &bias;
}

}  // namespace

LayerIntegers quantize_layer(const Graph& graph, const Node& node, float input_scale,
                             const QuantAssignment& assignment, const QuantSpec& spec,
                             std::optional<ValueId> added_bias) {
  const ValueId weight_id = *node.inputs[1];
  const Tensor& weight = *graph.value(weight_id).constant;
  const int bits = assignment.weight_bits.at(weight_id);
  LayerIntegers layer;
  layer.weight_params = assignment.weights.at(weight_id);
  std::vector<float>& scale = layer.weight_params.scale;
  const int axis = output_channel_axis(node);
  if (layer.weight_params.axis && *layer.weight_params.axis != axis) {
    fail(ErrorKind::kBadData, "quantize: node '", node.name, "': weight axis ",
         *layer.weight_params.axis, ", accepted: ", axis, " or per tensor");
  }
  layer.weight = quantize_weight(weight, layer.weight_params, bits, spec.torch_compat);

  const ConvTransposeOptions* transpose = conv_transpose_of(node.op);
  // A transposed convolution has the outputs of one group in its weight.
  const std::int64_t channels = weight.shape()[axis] * (transpose ? transpose->groups : 1);
  const Tensor* bias = bias_of(graph, node, added_bias, channels);
  const std::vector<bool> nonzero = nonzero_channels(weight, layer.weight_params);
  const std::vector<double> bias_size = largest_bias(bias, scale.size());
  bool changed = false;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const float fitting = fitting_scale(scale[c], !nonzero[c], bias_size[c], input_scale);
    if (!std::isfinite(fitting * input_scale)) {
      fail(ErrorKind::kBadData, "quantize: node '", node.name, "': input scale ", input_scale,
           " times weight scale ", fitting, " (bias ", bias_size[c], "), accepted: a finite float");
    }
    changed |= fitting != scale[c];
    if (nonzero[c] && fitting > scale[c]) ++layer.raised_scales;
    scale[c] = fitting;
  }
  if (changed) {
    layer.weight = quantize_weight(weight, layer.weight_params, bits, spec.torch_compat);
  }

  if (bias) {
    layer.bias = quantize_bias(bias->reshaped({channels}), input_scale, scale);
    layer.bias_params.dtype = DType::kInt32;
    layer.bias_params.scale.clear();
    const std::size_t count = layer.weight_params.axis ? static_cast<std::size_t>(channels) : 1;
    for (std::size_t i = 0; i < count; ++i) {
      layer.bias_params.scale.push_back(input_scale * scale[i % scale.size()]);
    }
    layer.bias_params.zero_point.assign(count, 0);
    if (layer.weight_params.axis) layer.bias_params.axis = 0;
    if (added_bias) {
      layer.added_bias = dequantize(*layer.bias, layer.bias_params).reshaped(bias->shape());
      // What a float cannot tell of a large integer, the file does not say.
      layer.bias = quantize_bias(layer.added_bias->reshaped({channels}), input_scale, scale);
    }
  }
  return layer;
}

}  // namespace octet
