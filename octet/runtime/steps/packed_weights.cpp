#include "octet/runtime/steps/packed_weights.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "octet/base/error.h"
#include "octet/graph/functions/window.h"
#include "octet/runtime/integer_layer.h"

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

/// Where the weights of an output begin in the node's own layout, and how far apart those of
/// adjacent inputs lie; those of the taps lie side by side.
struct WeightLayout {
  std::size_t taps = 1, inputs = 1, input_step = 1;
  std::function<std::size_t(std::size_t)> first;
};

WeightLayout layout_of(const Op& op, const Shape& shape) {
  const auto size = [&](int axis) { return static_cast<std::size_t>(shape[axis]); };
  WeightLayout layout;
  if (shape.rank() == 4) layout.taps = size(2) * size(3);
  const std::size_t taps = layout.taps;
  if (const ConvTransposeOptions* transpose = conv_transpose_of(op)) {  // [c, oc / groups, kh, kw]
    const std::size_t outputs = size(1);
    layout.inputs = size(0) / static_cast<std::size_t>(transpose->groups);
    layout.input_step = outputs * taps;
    layout.first = [=, inputs = layout.inputs](std::size_t o) {
      return (o / outputs * inputs * outputs + o % outputs) * taps;
    };
  } else if (weight_output_axis(op) == 0) {  // [oc, ic, kh, kw], [n, k]
    layout.inputs = size(1);
    layout.input_step = taps;
    layout.first = [=, inputs = layout.inputs](std::size_t o) { return o * inputs * taps; };
  } else {  // [k, n]
    layout.inputs = size(0);
    layout.input_step = size(1);
    layout.first = [](std::size_t o) { return o; };
  }
  return layout;
}

/// The weights less their zero points, -255 to 255: [outputs][taps][inputs].
template <typename T>
std::vector<int> centred(const IntegerLayer& layer, const WeightLayout& layout) {
  const auto source = layer.codes->data<T>();
  std::vector<int> values;
  values.reserve(source.size());
  for (std::size_t o = 0; o < layer.scale.size(); ++o) {
    const std::size_t first = layout.first(o);
    for (std::size_t t = 0; t < layout.taps; ++t) {
      for (std::size_t i = 0; i < layout.inputs; ++i) {
        values.push_back(source[first + i * layout.input_step + t] - layer.zero_point[o]);
      }
    }
  }
  return values;
}

/// Fills `values` with int8 summands of the weights: taps [0, taps) of each output hold what int8
/// can, those behind them what remains, until nothing does (numerics clause 4).
void split(std::vector<int> rest, int taps, IntegerWeights& weights) {
  constexpr int kLow = -128, kHigh = 127;
  const auto fits = [](int w) { return w >= kLow && w <= kHigh; };
  const auto row = static_cast<std::size_t>(taps) * static_cast<std::size_t>(weights.inputs);
  std::vector<std::vector<std::int8_t>> parts;
  for (bool whole = false; !whole;) {
    whole = std::ranges::all_of(rest, fits);
    auto& part = parts.emplace_back();
    part.reserve(rest.size());
    for (int& w : rest) {
      part.push_back(static_cast<std::int8_t>(std::clamp(w, kLow, kHigh)));
      w -= part.back();
    }
  }
  weights.summands = static_cast<int>(parts.size());
  weights.taps = taps * weights.summands;
  weights.values.clear();
  for (std::size_t o = 0; o < static_cast<std::size_t>(weights.outputs); ++o) {
    for (const auto& part : parts) {
      const auto first = part.begin() + static_cast<std::ptrdiff_t>(o * row);
      weights.values.insert(weights.values.end(), first, first + static_cast<std::ptrdiff_t>(row));
    }
  }
}

}  // namespace

IntegerWeights read_weights(const PlanBuilder& builder, const Node& node,
                            const ActivationCodes& input) {
  const auto layer = integer_layer(builder.graph(), builder.nodes(), node, input.scale, nullptr);
  if (!layer) fail(ErrorKind::kInternal, "compile: node '", node.name, "' has no integer weights");
  const WeightLayout layout = layout_of(node.op, layer->codes->shape());
  IntegerWeights weights;
  weights.outputs = static_cast<int>(layer->scale.size());
  weights.inputs = static_cast<int>(layout.inputs);
  split(layer->codes->dtype() == DType::kInt8 ? centred<std::int8_t>(*layer, layout)
                                              : centred<std::uint8_t>(*layer, layout),
        static_cast<int>(layout.taps), weights);
  weights.scale = layer->scale;
  weights.bias = layer->bias;
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
