#include "octet/runtime/steps/packed_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/graph/functions/window.h"

namespace octet {
namespace {

/// A kernel reads bias and multiplier in whole panels.
template <typename T>
std::vector<T> padded(const std::vector<T>& values, std::size_t first, std::size_t count,
                      int panel) {
  const auto step = static_cast<std::size_t>(panel);
  std::vector<T> result((count + step - 1) / step * step);
  std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(first), count, result.begin());
  return result;
}

void read_scale_and_bias(const PlanBuilder& builder, const Node& node, IntegerWeights& weights) {
  const Graph& graph = builder.graph();
  const auto params = builder.nodes().dequantized(*node.inputs[1])->params;
  const auto count = static_cast<std::size_t>(weights.outputs);
  weights.scale.assign(count, params.scale[0]);
  if (params.axis) {
    // A transposed convolution has one scale for an output of every group.
    const std::size_t groups = params.scale.empty() ? 0 : count / params.scale.size();
    const ConvTransposeOptions* transpose = conv_transpose_of(node.op);
    if (groups * params.scale.size() != count ||
        groups != (transpose ? static_cast<std::size_t>(transpose->groups) : 1)) {
      fail(ErrorKind::kBadData, "compile: node '", node.name, "': ", params.scale.size(),
           " weight scales for ", count, " outputs");
    }
    for (std::size_t j = 0; j < count; ++j) {
      weights.scale[j] = params.scale[j % params.scale.size()];
    }
  }
  weights.bias.assign(count, 0);
  if (node.inputs.size() > 2 && node.inputs[2]) {
    const auto bias = builder.nodes().dequantized(*node.inputs[2]);
    const Tensor& tensor = *graph.value(bias->integers).constant;
    if (tensor.num_elements() != weights.outputs) {
      fail(ErrorKind::kBadData, "compile: node '", node.name, "': bias of ", tensor.num_elements(),
           " elements for ", count, " outputs");
    }
    std::ranges::copy(tensor.data<std::int32_t>(), weights.bias.begin());
  }
}

}  // namespace

IntegerWeights read_conv_transpose_weights(const PlanBuilder& builder, const Node& node) {
  const auto codes = builder.nodes().dequantized(*node.inputs[1]);
  if (codes->params.axis && *codes->params.axis != 1) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name,
         "' (ConvTranspose): weight quantization axis ", *codes->params.axis, ", accepted: 1");
  }
  const auto groups = static_cast<int>(conv_transpose_of(node.op)->groups);
  const Tensor& tensor = *builder.graph().value(codes->integers).constant;
  const Shape& shape = tensor.shape();  // [c, oc / groups, kh, kw]
  const auto outputs = static_cast<int>(shape[1]);
  IntegerWeights weights;
  weights.outputs = outputs * groups;
  weights.inputs = static_cast<int>(shape[0]) / groups;
  weights.taps = static_cast<int>(shape[2] * shape[3]);
  weights.values.resize(static_cast<std::size_t>(tensor.num_elements()));
  const std::int8_t* source = tensor.data<std::int8_t>().data();
  std::size_t to = 0;
  for (int o = 0; o < weights.outputs; ++o) {
    for (int t = 0; t < weights.taps; ++t) {
      for (int c = 0; c < weights.inputs; ++c) {
        const std::ptrdiff_t channel = o / outputs * weights.inputs + c;
        weights.values[to++] = source[(channel * outputs + o % outputs) * weights.taps + t];
      }
    }
  }
  read_scale_and_bias(builder, node, weights);
  return weights;
}

IntegerWeights read_conv_weights(const PlanBuilder& builder, const Node& node) {
  const auto codes = builder.nodes().dequantized(*node.inputs[1]);
  if (codes->params.axis && *codes->params.axis != 0) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name,
         "' (Conv): weight quantization axis ", *codes->params.axis, ", accepted: 0");
  }
  const Tensor& tensor = *builder.graph().value(codes->integers).constant;
  const Shape& shape = tensor.shape();
  IntegerWeights weights;
  weights.outputs = static_cast<int>(shape[0]);
  weights.inputs = static_cast<int>(shape[1]);
  weights.taps = static_cast<int>(shape[2] * shape[3]);
  weights.values.resize(static_cast<std::size_t>(tensor.num_elements()));
  const auto source = tensor.data<std::int8_t>();
  std::size_t to = 0;
  for (int o = 0; o < weights.outputs; ++o) {
    for (int t = 0; t < weights.taps; ++t) {
      for (int c = 0; c < weights.inputs; ++c) {
        weights.values[to++] =
            source[(static_cast<std::size_t>(o) * static_cast<std::size_t>(weights.inputs) +
                    static_cast<std::size_t>(c)) *
                       static_cast<std::size_t>(weights.taps) +
                   static_cast<std::size_t>(t)];
      }
    }
  }
  read_scale_and_bias(builder, node, weights);
  return weights;
}

IntegerWeights read_gemm_weights(const PlanBuilder& builder, const Node& node, bool transpose_b) {
  const auto codes = builder.nodes().dequantized(*node.inputs[1]);
  const int output_axis = transpose_b ? 0 : 1;
  if (codes->params.axis && *codes->params.axis != output_axis) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (", op_name(node.op),
         "): weight quantization axis ", *codes->params.axis, ", accepted: ", output_axis);
  }
  const Tensor& tensor = *builder.graph().value(codes->integers).constant;
  IntegerWeights weights;
  weights.outputs = static_cast<int>(tensor.shape()[output_axis]);
  weights.inputs = static_cast<int>(tensor.shape()[1 - output_axis]);
  weights.taps = 1;
  const auto source = tensor.data<std::int8_t>();
  weights.values.assign(source.begin(), source.end());
  if (!transpose_b) {
    for (std::size_t o = 0; o < static_cast<std::size_t>(weights.outputs); ++o) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(weights.inputs); ++i) {
        weights.values[o * static_cast<std::size_t>(weights.inputs) + i] =
            source[i * static_cast<std::size_t>(weights.outputs) + o];
      }
    }
  }
  read_scale_and_bias(builder, node, weights);
  return weights;
}

std::int32_t clamp_code(float bound, float scale, std::int32_t zero_point) {
  return quantize(bound, {.scale = scale, .zero_point = zero_point, .bits = 8, .is_signed = false});
}

OutputStage make_output_stage(const Node& node, const IntegerWeights& weights,
                              const ActivationCodes& input, const ActivationCodes* output,
                              const Clamp& activation) {
  OutputStage stage;
  const std::size_t per_output =
      static_cast<std::size_t>(weights.taps) * static_cast<std::size_t>(weights.inputs);
  for (int o = 0; o < weights.outputs; ++o) {
    const auto at = static_cast<std::size_t>(o);
    const std::span<const std::int8_t> row(&weights.values[at * per_output], per_output);
    std::int64_t positive = 0, negative = 0;
    for (const std::int8_t w : row) (w > 0 ? positive : negative) += w;
    const std::int64_t bias =
        weights.bias[at] - static_cast<std::int64_t>(input.zero_point) * (positive + negative);
    // Clause 4: every partial sum lies between these, whatever the activations are.
    const std::int64_t highest = std::max<std::int64_t>(bias, bias + 255 * positive);
    const std::int64_t lowest = std::min<std::int64_t>(bias, bias + 255 * negative);
    if (highest > std::numeric_limits<std::int32_t>::max() ||
        lowest < std::numeric_limits<std::int32_t>::min()) {
      fail(ErrorKind::kBadData, "compile: node '", node.name, "': output ", o,
           " could overflow its int32 sum (range ", lowest, " to ", highest, ")");
    }
    stage.bias.push_back(static_cast<std::int32_t>(bias));
    const double scale = static_cast<double>(input.scale) * weights.scale[at];
    const auto multiplier = static_cast<float>(output ? scale / output->scale : scale);
    if (!std::isfinite(multiplier)) {
      fail(ErrorKind::kBadData, "compile: node '", node.name, "': output ", o,
           " has the requantization multiplier ", multiplier);
    }
    stage.multiplier.push_back(multiplier);
  }
  if (output) {
    stage.zero_point = output->zero_point;
    stage.q_low = clamp_code(activation.low, output->scale, output->zero_point);
    stage.q_high = clamp_code(activation.high, output->scale, output->zero_point);
  }
  return stage;
}

PackedGemm pack_gemm(PlanBuilder& builder, const IntegerWeights& weights, const OutputStage& stage,
                     int first, int count) {
  const std::int8_t* rows =
      weights.values.data() + static_cast<std::ptrdiff_t>(first) * weights.taps * weights.inputs;
  PackedGemm packed;
  packed.kernel = &select_gemm_u8s8(builder.isa(), weights.taps, weights.inputs, count, rows);
  AlignedBuffer bytes(packed.kernel->packed_bytes(weights.taps, weights.inputs, count));
  packed.kernel->pack(weights.taps, weights.inputs, count, rows, bytes.data());
  builder.count_packed(bytes.size_bytes());
  packed.weights = builder.add_constant(std::move(bytes));
  const auto at = static_cast<std::size_t>(first);
  const auto length = static_cast<std::size_t>(count);
  packed.bias = builder.add_constant(padded(stage.bias, at, length, packed.kernel->nr));
  packed.multiplier = builder.add_constant(padded(stage.multiplier, at, length, packed.kernel->nr));
  return packed;
}

}  // namespace octet
