#include "octet/graph/quantized_constant.h"

#include "octet/base/error.h"
#include "octet/graph/functions/quantization.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

template <typename T>
Tensor narrowed(const std::vector<std::int32_t>& values, const Shape& shape) {
  Tensor tensor(dtype_of<T>(), shape);
  std::size_t i = 0;
  for (T& element : tensor.mutable_data<T>()) element = static_cast<T>(values[i++]);
  return tensor;
}

Tensor zero_points(const TensorQuantParams& params, const Shape& shape) {
  if (params.dtype == DType::kInt8) return narrowed<std::int8_t>(params.zero_point, shape);
  if (params.dtype == DType::kUInt8) return narrowed<std::uint8_t>(params.zero_point, shape);
  return narrowed<std::int32_t>(params.zero_point, shape);
}

QuantizedConstant of_typed(const Tensor& codes, const TensorQuantParams& params) {
  const Shape shape = params.axis ? Shape{static_cast<std::int64_t>(params.scale.size())} : Shape{};
  return {.codes = codes,
          .scale = Tensor::from(shape, params.scale),
          .zero_point = zero_points(params, shape),
          .axis = params.axis.value_or(0)};
}

bool has_constant_inputs(const Graph& graph, const Node& node) {
  for (const std::optional<ValueId>& input : node.inputs) {
    if (input && !graph.value(*input).constant) return false;
  }
  return !node.inputs.empty() && node.inputs[0];
}

}  // namespace

bool is_quantized_constant(const Graph& graph, const Node& node) {
  return (std::holds_alternative<DequantizeLinear>(node.op) || dequantize_options(node.op)) &&
         has_constant_inputs(graph, node);
}

std::optional<QuantizedConstant> quantized_constant(const Graph& graph, const Node& node) {
  if (!is_quantized_constant(graph, node)) return std::nullopt;
  const Tensor& codes = *graph.value(*node.inputs[0]).constant;
  if (const auto* typed = std::get_if<DequantizeLinear>(&node.op)) {
    return of_typed(codes, typed->params);
  }
  const LinearQuantizationOptions& options = *dequantize_options(node.op);
  QuantizedConstant constant{.codes = codes,
                             .scale = *graph.value(*node.inputs[1]).constant,
                             .zero_point = std::nullopt,
                             .axis = options.axis,
                             .block_size = options.block_size};
  if (node.inputs.size() > 2 && node.inputs[2]) {
    constant.zero_point = graph.value(*node.inputs[2]).constant;
  }
  if (constant.axis < 0) constant.axis += codes.shape().rank();
  return constant;
}

Tensor dequantize(const QuantizedConstant& constant) {
  if (constant.codes.shape().rank() > kMaxViewRank) {
    fail(ErrorKind::kUnsupported, "dequantize: a constant ", to_string(constant.codes.shape()),
         ", accepted: rank up to ", kMaxViewRank);
  }
  const Op op = dequantize_function({.axis = constant.axis, .block_size = constant.block_size});
  const std::optional<Tensor> inputs[] = {constant.codes, constant.scale, constant.zero_point};
  const TensorType type{DType::kFloat32, constant.codes.shape()};
  auto result = apply(*std::get<Function>(op).definition, inputs, std::span(&type, 1));
  if (!result) {
    fail(ErrorKind::kBadData, "dequantize: scales ", to_string(constant.scale.shape()), " for ",
         to_string(constant.codes.shape()), ", accepted: one for every element");
  }
  return std::move(result->front());
}

}  // namespace octet
