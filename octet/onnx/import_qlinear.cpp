// Operators whose inputs are integers: where every parameter is a constant they are read as
// DequantizeLinear, a float operator and QuantizeLinear, which the integer kernels run.

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/quantization.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/import_window.h"
#include "octet/onnx/quote.h"

namespace octet {
namespace {

std::vector<std::optional<ValueId>> all_inputs(NodeReader& node, int required) {
  std::vector<std::optional<ValueId>> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(i < required ? node.input(i) : node.optional_input(i));
  }
  while (!inputs.empty() && !inputs.back()) inputs.pop_back();
  return inputs;
}

/// The constant scale and zero point at inputs `scale` and `scale + 1`: one, or `channels` along
/// `axis`. nullopt if they are computed or of another form.
std::optional<TensorQuantParams> constant_params(NodeReader& node, int scale, std::int64_t channels,
                                                 int axis) {
  const Tensor *scales = node.constant(scale), *zeros = node.constant(scale + 1);
  if (!scales || !zeros || scales->dtype() != DType::kFloat32) return std::nullopt;
  if (scales->shape().rank() > 1 || scales->num_elements() != zeros->num_elements()) {
    return std::nullopt;
  }
  const bool one = scales->num_elements() == 1;
  if (!one && scales->num_elements() != channels) return std::nullopt;
  TensorQuantParams params;
  params.scale.assign(scales->data<float>().begin(), scales->data<float>().end());
  for (const float value : params.scale) {
    if (!std::isfinite(value) || value <= 0.0f) return std::nullopt;
  }
  params.dtype = zeros->dtype();
  if (params.dtype == DType::kInt8) {
    params.zero_point.assign(zeros->data<std::int8_t>().begin(), zeros->data<std::int8_t>().end());
  } else if (params.dtype == DType::kUInt8) {
    params.zero_point.assign(zeros->data<std::uint8_t>().begin(),
                             zeros->data<std::uint8_t>().end());
  } else {
    return std::nullopt;
  }
  if (!one) params.axis = axis;
  return params;
}

/// The parameters of the int32 bias behind products of x and w.
TensorQuantParams bias_params(const TensorQuantParams& x, const TensorQuantParams& w) {
  TensorQuantParams bias{{}, {}, std::nullopt, DType::kInt32};
  for (const float scale : w.scale) bias.scale.push_back(x.scale[0] * scale);
  bias.zero_point.assign(bias.scale.size(), 0);
  if (w.axis) bias.axis = 0;
  return bias;
}

bool are_positive(const std::vector<float>& scales) {
  return std::ranges::all_of(scales, [](float s) { return std::isfinite(s) && s > 0.0f; });
}

/// The nodes of a QLinearConv with constant parameters; false if it has another form.
bool emit_typed_conv(NodeReader& node, const ConvOptions& options, std::optional<int> rank) {
  const bool fixed_padding =
      options.window.auto_pad == AutoPad::kNotSet || options.window.auto_pad == AutoPad::kValid;
  const Tensor* weight = node.constant(3);
  const Tensor* bias = node.constant(8);
  if ((rank != 1 && rank != 2) || !fixed_padding || !weight ||
      weight->shape().rank() != *rank + 2) {
    return false;
  }
  if (node.has_input(8) && (!bias || bias->dtype() != DType::kInt32)) return false;
  const std::int64_t channels = weight->shape()[0];
  const auto x = constant_params(node, 1, 1, 0), y = constant_params(node, 6, 1, 0);
  const auto w = constant_params(node, 4, channels, 0);
  if (!x || !w || !y || weight->dtype() != w->dtype) return false;
  const TensorQuantParams b = bias_params(*x, *w);
  if (bias && (!are_positive(b.scale) || bias->shape() != Shape{channels})) return false;
  ValueId codes = node.input(0), weights = node.input(3);
  if (rank == 1) {  // an axis of size 1 before the only one
    const Shape& shape = weight->shape();
    codes = node.emit_step("unsqueezed", Unsqueeze{{2}}, {codes});
    weights = node.add_constant("weight", weight->reshaped({shape[0], shape[1], 1, shape[2]}));
  }
  std::vector<std::optional<ValueId>> inputs{node.emit_step("x", DequantizeLinear{*x}, {codes}),
                                             node.emit_step("w", DequantizeLinear{*w}, {weights})};
  if (bias) inputs.emplace_back(node.emit_step("b", DequantizeLinear{b}, {node.input(8)}));
  const ValueId sums = node.emit_step("conv", conv2d_of(options, *rank), std::move(inputs));
  if (rank == 2) {
    node.emit(QuantizeLinear{*y}, {sums});
    return true;
  }
  node.emit(Squeeze{{2}}, {node.emit_step("y", QuantizeLinear{*y}, {sums})});
  return true;
}

bool emit_typed_mat_mul(NodeReader& node) {
  const Tensor* weight = node.constant(3);
  if (!weight || weight->shape().rank() != 2) return false;
  const auto a = constant_params(node, 1, 1, 0), y = constant_params(node, 6, 1, 0);
  const auto b = constant_params(node, 4, weight->shape()[1], 1);
  if (!a || !b || !y || weight->dtype() != b->dtype) return false;
  const ValueId left = node.emit_step("a", DequantizeLinear{*a}, {node.input(0)});
  const ValueId right = node.emit_step("b", DequantizeLinear{*b}, {node.input(3)});
  const ValueId product = node.emit_step("product", MatMul{}, {left, right});
  node.emit(QuantizeLinear{*y}, {product});
  return true;
}

/// Of both inputs and of the output.
void check_product_scales(NodeReader& node) {
  check_constant_scales(node, 1, true);
  check_constant_scales(node, 4, true);
  check_constant_scales(node, 6, false);
}

}  // namespace

void import_conv_integer(NodeReader& node) {
  node.expect_inputs(2, 4);
  std::optional<int> rank;
  const ConvOptions options = read_conv(node, 1, &rank);
  node.emit(conv_integer_function(options), all_inputs(node, 2));
}

void import_qlinear_conv(NodeReader& node) {
  node.expect_inputs(8, 9);
  std::optional<int> rank;
  const ConvOptions options = read_conv(node, 3, &rank);
  if (emit_typed_conv(node, options, rank)) return;
  check_product_scales(node);
  node.emit(qlinear_conv_function(options), all_inputs(node, 8));
}

void import_qlinear_mat_mul(NodeReader& node) {
  node.expect_inputs(8, 8);
  if (emit_typed_mat_mul(node)) return;
  check_product_scales(node);
  node.emit(qlinear_matmul_function(), all_inputs(node, 8));
}

void import_qgemm(NodeReader& node) {
  node.expect_inputs(6, 9);
  const float alpha = node.attributes.get_float("alpha", 1.0f);
  const bool transpose_a = node.attributes.get_int("transA", 0) != 0;
  const bool transpose_b = node.attributes.get_int("transB", 0) != 0;
  const Tensor& weight = node.require_constant(3, "B");
  if (weight.shape().rank() != 2) node.bad("B of shape ", to_string(weight.shape()));
  const std::int64_t n = weight.shape()[transpose_b ? 0 : 1];
  const auto a = constant_params(node, 1, 1, 0);
  auto b = constant_params(node, 4, n, transpose_b ? 0 : 1);
  if (!a || !b || weight.dtype() != b->dtype || !std::isfinite(alpha) || alpha <= 0.0f) {
    node.unsupported("accepted: constant scales above 0, zero points of one element, or of B one ",
                     "per output, and alpha above 0");
  }
  for (float& scale : b->scale) scale *= alpha;  // C counts in alpha x a_scale x b_scale
  ValueId x = node.emit_step("a", DequantizeLinear{*a}, {node.input(0)});
  if (transpose_a) x = node.emit_step("a_transposed", Transpose{{1, 0}}, {x});
  std::vector<std::optional<ValueId>> inputs{
      x, node.emit_step("b", DequantizeLinear{*b}, {node.input(3)})};
  if (node.has_input(6)) {
    const Tensor& c = node.require_constant(6, "C");
    const TensorQuantParams params = bias_params(*a, *b);
    if (c.dtype() != DType::kInt32 || c.num_elements() != n || !are_positive(params.scale)) {
      node.unsupported("C of type ", to_string(c.dtype()), " and shape ", to_string(c.shape()),
                       ", accepted: int32, one element per output");
    }
    const ValueId codes = node.add_constant("bias", c.reshaped(Shape{n}));
    inputs.emplace_back(node.emit_step("c", DequantizeLinear{params}, {codes}));
  }
  const Gemm gemm{.transpose_b = transpose_b, .activation = {}};
  if (!node.has_input(7)) {
    node.emit(gemm, std::move(inputs));
    return;
  }
  const auto y = constant_params(node, 7, 1, 0);
  if (!y) node.unsupported("the scale and zero point of Y, accepted: constants of one element");
  node.emit(QuantizeLinear{*y}, {node.emit_step("product", gemm, std::move(inputs))});
}

}  // namespace octet
