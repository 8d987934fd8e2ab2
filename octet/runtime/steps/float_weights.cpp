#include "octet/runtime/steps/float_weights.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/graph/quantized_constant.h"

namespace octet {
namespace {

Tensor constant_floats(const PlanBuilder& builder, const Node& node, std::size_t input) {
  const Graph& graph = builder.graph();
  const ValueId value = *node.inputs[input];
  if (graph.value(value).constant) return *graph.value(value).constant;
  const Node* producer = builder.nodes().producer(value);
  if (producer) {
    if (const auto constant = quantized_constant(graph, *producer)) return dequantize(*constant);
  }
  fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (", op_name(node.op), "): input '",
       graph.value(value).name, "' is computed at run time, accepted: a constant");
}

}  // namespace

std::vector<float> read_float_bias(const PlanBuilder& builder, const Node& node, int outputs) {
  std::vector<float> result(static_cast<std::size_t>(outputs), 0.0f);
  if (node.inputs.size() < 3 || !node.inputs[2]) return result;
  const Tensor bias = constant_floats(builder, node, 2);
  const auto values = bias.data<float>();
  if (bias.num_elements() == 1) {
    std::ranges::fill(result, values[0]);
  } else if (bias.num_elements() == outputs) {
    std::ranges::copy(values, result.begin());
  } else {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "': bias of shape ",
         to_string(bias.shape()), ", accepted: one value per output (", outputs, ")");
  }
  return result;
}

FloatWeights read_float_conv_weights(const PlanBuilder& builder, const Node& node) {
  const Tensor tensor = constant_floats(builder, node, 1);
  const Shape& shape = tensor.shape();
  FloatWeights weights;
  weights.outputs = static_cast<int>(shape[0]);
  weights.inputs = static_cast<int>(shape[1]);
  weights.taps = static_cast<int>(shape[2] * shape[3]);
  weights.values = Tensor(DType::kFloat32, tensor.shape());
  float* target = weights.values.mutable_data<float>().data();
  const float* source = tensor.data<float>().data();
  for (int o = 0; o < weights.outputs; ++o) {
    for (int t = 0; t < weights.taps; ++t) {
      for (int c = 0; c < weights.inputs; ++c) {
        *target++ =
            source[(static_cast<std::ptrdiff_t>(o) * weights.inputs + c) * weights.taps + t];
      }
    }
  }
  weights.bias = read_float_bias(builder, node, weights.outputs);
  return weights;
}

FloatWeights read_float_gemm_weights(const PlanBuilder& builder, const Node& node,
                                     bool transpose_b) {
  const Tensor tensor = constant_floats(builder, node, 1);
  if (tensor.shape().rank() != 2) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (", op_name(node.op),
         "): weights of shape ", to_string(tensor.shape()), ", accepted: rank 2");
  }
  FloatWeights weights;
  weights.outputs = static_cast<int>(tensor.shape()[transpose_b ? 0 : 1]);
  weights.inputs = static_cast<int>(tensor.shape()[transpose_b ? 1 : 0]);
  weights.taps = 1;
  if (transpose_b) {
    weights.values = tensor;
  } else {
    weights.values = Tensor(DType::kFloat32, tensor.shape());
    const float* const source = tensor.data<float>().data();
    float* target = weights.values.mutable_data<float>().data();
    for (int o = 0; o < weights.outputs; ++o) {
      for (int i = 0; i < weights.inputs; ++i) {
        *target++ = source[static_cast<std::ptrdiff_t>(i) * weights.outputs + o];
      }
    }
  }
  weights.bias = read_float_bias(builder, node, weights.outputs);
  return weights;
}

PackedFloat pack_float(PlanBuilder& builder, const GemmF32Kernel& kernel,
                       const FloatWeights& weights, int first, int count) {
  AlignedBuffer bytes(kernel.packed_bytes(weights.taps, weights.inputs, count));
  kernel.pack(weights.taps, weights.inputs, count,
              weights.values.data<float>().data() +
                  static_cast<std::ptrdiff_t>(first) * weights.taps * weights.inputs,
              bytes.as<float>());
  builder.count_packed(bytes.size_bytes());
  const std::vector<float> bias(weights.bias.begin() + first, weights.bias.begin() + first + count);
  return {builder.add_constant(std::move(bytes)), builder.add_constant(bias)};
}

PackedFloat by_tap(PlanBuilder& builder, const FloatWeights& weights) {
  const std::span<const float> source = weights.values.data<float>();
  std::vector<float> values(source.size());
  for (int c = 0; c < weights.outputs; ++c) {
    for (int t = 0; t < weights.taps; ++t) {
      values[static_cast<std::size_t>(t) * static_cast<std::size_t>(weights.outputs) +
             static_cast<std::size_t>(c)] =
          source[static_cast<std::size_t>(c) * static_cast<std::size_t>(weights.taps) +
                 static_cast<std::size_t>(t)];
    }
  }
  builder.count_packed(values.size() * sizeof(float));
  return {builder.add_constant(values), builder.add_constant(weights.bias)};
}

}  // namespace octet
