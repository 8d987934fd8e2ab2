// Quantization operators. Integer kernels are chosen when a graph is compiled, from scales and zero
// points that are constants; other forms become functions.

#include <cmath>

#include "octet/graph/functions/quantization.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"

namespace octet {
namespace {

std::vector<float> read_scale(NodeReader& node) {
  const Tensor& tensor = node.require_constant(1, "the scale");
  if (tensor.dtype() != DType::kFloat32) {
    node.unsupported("the scale is ", to_string(tensor.dtype()), ", accepted: float32");
  }
  if (tensor.shape().rank() > 1) {
    node.unsupported("a scale of shape ", to_string(tensor.shape()),
                     " (blocked quantization), accepted: a scalar or one dimension");
  }
  const auto values = tensor.data<float>();
  if (values.empty()) node.bad("the scale is empty");
  for (const float scale : values) {
    if (!std::isfinite(scale) || scale <= 0.0f) {
      node.bad("scale ", scale, ", accepted: finite and above 0");
    }
  }
  return {values.begin(), values.end()};
}

template <typename T>
std::vector<std::int32_t> widened(const Tensor& tensor) {
  const auto values = tensor.data<T>();
  return {values.begin(), values.end()};
}

std::vector<std::int32_t> read_zero_point(NodeReader& node, const Tensor& tensor,
                                          std::size_t count) {
  const bool same_count = tensor.num_elements() == static_cast<std::int64_t>(count);
  if (!same_count || tensor.shape().rank() > 1) {
    node.bad("zero point of shape ", to_string(tensor.shape()), " for ", count,
             " scales, accepted: the shape of the scale");
  }
  switch (tensor.dtype()) {
    case DType::kInt8:
      return widened<std::int8_t>(tensor);
    case DType::kUInt8:
      return widened<std::uint8_t>(tensor);
    case DType::kInt32:
      return widened<std::int32_t>(tensor);
    default:
      node.unsupported("zero point of type ", to_string(tensor.dtype()),
                       ", accepted: int8, uint8, int32");
  }
}

/// The axis of one scale per index, counted from the front; absent: per tensor.
std::optional<int> read_axis(NodeReader& node, const Tensor& scale) {
  // Before opset 13 the attribute is not there, and a scale has one element.
  const bool declared = node.attributes.has("axis");
  if (declared && node.opset() < 13) return std::nullopt;  // refused as an unknown attribute
  int axis = node.attributes.get_int_between("axis", 1, -kMaxRank, kMaxRank - 1);
  if (scale.shape().rank() == 0) return std::nullopt;
  const std::optional<Shape> shape = node.known_shape(0);
  if (scale.num_elements() == 1) {
    // PyTorch writes a per-tensor scale as [1]. It is one scale per channel only for a tensor that
    // is known to have one channel.
    const int index = shape && axis < 0 ? axis + shape->rank() : axis;
    const bool one_channel =
        declared && shape && index >= 0 && index < shape->rank() && (*shape)[index] == 1;
    return one_channel ? std::optional(index) : std::nullopt;
  }
  if (node.opset() < 13) {
    node.bad("a scale of shape ", to_string(scale.shape()), " in opset ", node.opset(),
             ", accepted: a scalar (one scale per channel came with opset 13)");
  }
  if (axis < 0) {
    if (!shape) {
      node.unsupported("axis = ", axis, " of a tensor of unknown rank, accepted: 0 or more");
    }
    axis += shape->rank();
  }
  if (axis < 0 || (shape && axis >= shape->rank())) {
    node.bad("axis is outside a tensor of shape ", to_string(*shape));
  }
  return axis;
}

/// `output_dtype` (opset 21, of DequantizeLinear 23) may say in words what the zero point's type
/// says.
void check_output_dtype(NodeReader& node, DType actual, int since) {
  if (node.opset() < since) return;
  const std::int64_t declared = node.attributes.get_int("output_dtype", 0);
  if (declared != 0 && declared != dtype_to_onnx(actual)) {
    node.unsupported("output_dtype = ", declared, ", accepted: ", dtype_to_onnx(actual), " (",
                     to_string(actual), ")");
  }
}

bool is_four_bits(DType dtype) { return dtype == DType::kInt4 || dtype == DType::kUInt4; }

/// Whether the parameters are constants of a form that the ops of the closed set carry.
bool has_typed_params(NodeReader& node, DType integers) {
  if (node.opset() >= 21 && node.attributes.get_int("block_size", 0) != 0) return false;
  const Tensor* zero_point = node.constant(2);
  if (!node.constant(1) || (node.has_input(2) && !zero_point)) return false;
  return !is_four_bits(zero_point ? zero_point->dtype() : integers);
}

void check_common(NodeReader& node) {
  node.expect_inputs(2, 3);
  if (node.opset() >= 23 && node.attributes.get_int("precision", 0) > 1) {
    node.unsupported("attribute 'precision', accepted: float32");
  }
}

/// The attributes of a form whose parameters are inputs.
LinearQuantizationOptions read_function_options(NodeReader& node) {
  LinearQuantizationOptions options;
  if (node.opset() >= 13) {
    options.axis = node.attributes.get_int_between("axis", 1, -kMaxRank, kMaxRank - 1);
  }
  if (node.opset() >= 21) options.block_size = node.attributes.get_int("block_size", 0);
  if (options.block_size < 0) node.bad("block_size ", options.block_size, ", accepted: 0 or more");
  options.opset = node.opset() >= 21 ? 21 : 13;
  return options;
}

void emit_function(NodeReader& node, Op op) {
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.emplace_back(node.input(2));
  node.emit(std::move(op), std::move(inputs));
}

/// Reads what QuantizeLinear and DequantizeLinear share. Without zero point it is 0 and the dtype
/// stays uint8.
TensorQuantParams read_params(NodeReader& node) {
  TensorQuantParams params;
  params.scale = read_scale(node);
  params.axis = read_axis(node, *node.constant(1));
  params.zero_point.assign(params.scale.size(), 0);
  if (node.has_input(2)) {
    const Tensor& zero_point = node.require_constant(2, "the zero point");
    params.zero_point = read_zero_point(node, zero_point, params.scale.size());
    params.dtype = zero_point.dtype();
  }
  return params;
}

}  // namespace

void check_constant_scales(NodeReader& node, int input, bool zero_too) {
  const Tensor* scales = node.constant(input);
  if (!scales || scales->dtype() != DType::kFloat32) return;
  for (const float scale : scales->data<float>()) {
    if (std::isfinite(scale) && (scale > 0.0f || (zero_too && scale == 0.0f))) continue;
    node.bad("scale ", scale, ", accepted: finite and ", zero_too ? "0 or more" : "above 0");
  }
}

void import_quantize_linear(NodeReader& node) {
  check_common(node);
  if (node.opset() >= 19) node.attributes.ignore("saturate");  // concerns 8-bit floats only
  DType dtype = DType::kUInt8;
  if (node.opset() >= 21 && node.attributes.get_int("output_dtype", 0) != 0) {
    dtype =
        dtype_from_onnx(node.attributes.get_int_between("output_dtype", 0, 0, 1000), node.where());
  }
  const bool of_integers =
      node.state().graph.value(node.input(0)).dtype == DType::kInt32;  // known of inputs
  if (of_integers || !has_typed_params(node, dtype)) {
    LinearQuantizationOptions options = read_function_options(node);
    options.dtype = dtype;
    if (size_bytes(dtype) != 1 || dtype == DType::kBool) {
      node.unsupported("to ", to_string(dtype), ", accepted: int8, uint8, int4, uint4");
    }
    check_constant_scales(node, 1, false);
    emit_function(node, quantize_function(options));
    return;
  }
  TensorQuantParams params = read_params(node);
  if (!node.has_input(2)) params.dtype = dtype;
  check_output_dtype(node, params.dtype, 21);
  if (params.dtype == DType::kInt32) node.unsupported("to int32, accepted: int8, uint8");
  // PyTorch's export of a trained quantized network quantizes float weights in the graph.
  const Tensor* weight = node.constant(0);
  if (weight && weight->dtype() == DType::kFloat32) {
    const std::optional<int> axis = params.axis;
    if (axis && weight->shape()[*axis] != static_cast<std::int64_t>(params.scale.size())) {
      node.bad(params.scale.size(), " scales along axis ", *axis, " of ",
               to_string(weight->shape()));
    }
    node.emit_constant(quantize(*weight, params));
    return;
  }
  node.emit(QuantizeLinear{std::move(params)}, {node.input(0)});
}

void import_dequantize_linear(NodeReader& node) {
  check_common(node);
  check_output_dtype(node, DType::kFloat32, 23);
  const Tensor* integers = node.constant(0);
  if (!has_typed_params(node, integers ? integers->dtype() : DType::kUInt8)) {
    check_constant_scales(node, 1, true);
    emit_function(node, dequantize_function(read_function_options(node)));
    return;
  }
  TensorQuantParams params = read_params(node);
  const bool has_zero_point = node.has_input(2);
  const ValueId output = node.emit(DequantizeLinear{std::move(params)}, {node.input(0)});
  if (!has_zero_point) node.state().dequantize_without_zero_point.insert(output);
}

void import_dynamic_quantize_linear(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit_outputs(DynamicQuantizeLinear{}, {node.input(0)}, 3);
}

void import_mat_mul_integer(NodeReader& node) {
  node.expect_inputs(2, 4);
  std::vector<std::optional<ValueId>> inputs;
  inputs.reserve(static_cast<std::size_t>(node.num_inputs()));
  for (int i = 0; i < node.num_inputs(); ++i) inputs.push_back(node.optional_input(i));
  while (!inputs.empty() && !inputs.back()) inputs.pop_back();
  node.emit(MatMulInteger{}, std::move(inputs));
}

}  // namespace octet
