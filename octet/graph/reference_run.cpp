#include "octet/graph/reference_run.h"

#include <algorithm>
#include <cmath>

#include "octet/base/rng.h"
#include "octet/graph/evaluate.h"
#include "octet/graph/known_elements.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_inputs.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

float clamped(float x, const Clamp& clamp) { return std::min(std::max(x, clamp.low), clamp.high); }

std::span<const float> bias_of(std::span<const Tensor> in) {
  return in.size() > 2 ? in[2].data<float>() : std::span<const float>();
}

Tensor conv(const Conv2d& op, std::span<const Tensor> in, const Shape& shape) {
  const Shape& x = in[0].shape();
  const Shape& w = in[1].shape();
  const auto src = in[0].data<float>(), weight = in[1].data<float>(), bias = bias_of(in);
  Tensor result(DType::kFloat32, shape);
  float* dst = result.mutable_data<float>().data();
  const std::int64_t oc_per_group = shape[1] / op.groups;
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t oc = 0; oc < shape[1]; ++oc)
      for (std::int64_t oy = 0; oy < shape[2]; ++oy)
        for (std::int64_t ox = 0; ox < shape[3]; ++ox) {
          double sum = bias.empty() ? 0.0 : bias[static_cast<std::size_t>(oc)];
          for (std::int64_t ic = 0; ic < w[1]; ++ic)
            for (std::int64_t ky = 0; ky < w[2]; ++ky)
              for (std::int64_t kx = 0; kx < w[3]; ++kx) {
                const std::int64_t y = oy * op.stride[0] + ky * op.dilation[0] - op.padding[0];
                const std::int64_t z = ox * op.stride[1] + kx * op.dilation[1] - op.padding[1];
                if (y < 0 || y >= x[2] || z < 0 || z >= x[3]) continue;
                const std::int64_t channel = oc / oc_per_group * w[1] + ic;
                sum += double{src[static_cast<std::size_t>(
                           ((n * x[1] + channel) * x[2] + y) * x[3] + z)]} *
                       weight[static_cast<std::size_t>(((oc * w[1] + ic) * w[2] + ky) * w[3] + kx)];
              }
          *dst++ = clamped(static_cast<float>(sum), op.activation);
        }
  return result;
}

Tensor gemm(const Gemm& op, std::span<const Tensor> in, const Shape& shape) {
  const auto x = in[0].data<float>(), weight = in[1].data<float>(), bias = bias_of(in);
  const auto n = static_cast<std::size_t>(shape[1]);
  const auto k = static_cast<std::size_t>(in[0].shape()[1]);
  Tensor result(DType::kFloat32, shape);
  const std::span<float> y = result.mutable_data<float>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = bias.empty() ? 0.0 : bias[i % n];
    for (std::size_t p = 0; p < k; ++p) {
      sum += double{x[i / n * k + p]} * weight[op.transpose_b ? i % n * k + p : p * n + i % n];
    }
    y[i] = clamped(static_cast<float>(sum), op.activation);
  }
  return result;
}

Tensor batch_norm(const BatchNorm& op, std::span<const Tensor> in) {
  Tensor result = in[0];
  const Shape& shape = result.shape();
  std::size_t inner = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) inner *= static_cast<std::size_t>(shape[axis]);
  const std::span<float> y = result.mutable_data<float>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t c = i / inner % static_cast<std::size_t>(shape[1]);
    const double deviation = std::sqrt(double{in[4].data<float>()[c]} + op.epsilon);
    y[i] = static_cast<float>((double{y[i]} - in[3].data<float>()[c]) / deviation *
                                  in[1].data<float>()[c] +
                              in[2].data<float>()[c]);
  }
  return result;
}

Tensor clamp_elements(Tensor x, const Clamp& clamp) {
  for (float& element : x.mutable_data<float>()) element = clamped(element, clamp);
  return x;
}

Tensor global_average(const Tensor& x, const Shape& shape) {
  Tensor result(DType::kFloat32, shape);
  const std::span<float> y = result.mutable_data<float>();
  const std::size_t inner = x.data<float>().size() / y.size();
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < inner; ++j) sum += x.data<float>()[i * inner + j];
    y[i] = static_cast<float>(sum / static_cast<double>(inner));
  }
  return result;
}

Tensor compute(const Node& node, const Op& op, std::span<const Tensor> in, const Shape& shape) {
  return std::visit(
      Overloaded{
          [&](const Conv2d& conv_op) { return conv(conv_op, in, shape); },
          [&](const Gemm& gemm_op) { return gemm(gemm_op, in, shape); },
          [&](const BatchNorm& norm) { return batch_norm(norm, in); },
          [&](const Relu&) {
            return clamp_elements(in[0], {0, std::numeric_limits<float>::infinity()});
          },
          [&](const Clip& clip) { return clamp_elements(in[0], clip.range); },
          [&](const GlobalAveragePool&) { return global_average(in[0], shape); },
          [&](const DequantizeLinear& dequant) { return dequantize(in[0], dequant.params); },
          [&](const QuantizeLinear& quant) { return quantize(in[0], quant.params); },
          [&](const auto&) {
            if (std::optional<Tensor> result = evaluate(op, in, shape)) return *result;
            const auto function = function_of(op);
            if (!function) fail_node(ErrorKind::kUnsupported, node, "not in the reference");
            const std::vector<std::optional<Tensor>> inputs(in.begin(), in.end());
            const TensorType type{in[0].dtype(), shape};
            return octet::apply(*function, inputs, std::span(&type, 1)).value().front();
          },
      },
      op);
}

}  // namespace

std::vector<Tensor> reference_run(Graph graph, const Tensor& x) {
  graph.value(graph.inputs()[0]).shape = x.shape();
  const KnownValues known = infer_shapes_and_elements(graph);
  std::vector<std::optional<Tensor>> tensors(graph.values().size());
  const auto slot = [&](ValueId id) -> std::optional<Tensor>& {
    return tensors[static_cast<std::size_t>(id)];
  };
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i] = graph.values()[i].constant;
    if (!tensors[i] && known[i] && known[i]->is_constant()) tensors[i] = known[i]->value;
  }
  slot(graph.inputs()[0]) = x;
  for (const Node& node : graph.nodes()) {
    if (slot(node.outputs[0])) continue;
    std::vector<Tensor> in;
    for (std::size_t i = 0; i < data_inputs(node); ++i) {
      if (node.inputs[i]) in.push_back(*slot(*node.inputs[i]));
    }
    slot(node.outputs[0]) = compute(node, move_shape_inputs(graph, node, known).value(), in,
                                    graph.value(node.outputs[0]).shape);
  }
  std::vector<Tensor> outputs;
  for (ValueId output : graph.outputs()) outputs.push_back(*slot(output));
  return outputs;
}

float max_difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) {
    fail(ErrorKind::kInternal, "shapes ", to_string(a.shape()), " and ", to_string(b.shape()));
  }
  float largest = 0;
  for (std::size_t i = 0; i < a.data<float>().size(); ++i) {
    largest = std::max(largest, std::abs(a.data<float>()[i] - b.data<float>()[i]));
  }
  return largest;
}

std::vector<float> noise(std::int64_t count, std::uint32_t seed) {
  Rng rng(seed);
  std::vector<float> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back(rng.uniform(-1.0f, 1.0f));
  return result;
}

Tensor noise_tensor(const Shape& shape, std::uint32_t seed) {
  return Tensor::from(shape, noise(shape.num_elements(), seed));
}

}  // namespace octet
