// Gemm.

#include <cmath>

#include "octet/onnx/import_ops.h"

namespace octet {
namespace {

Tensor scaled(const Tensor& tensor, float factor) {
  Tensor result = tensor;
  for (float& value : result.mutable_data<float>()) value *= factor;
  return result;
}

bool is_float_constant(const Tensor* tensor) {
  return tensor && tensor->dtype() == DType::kFloat32;
}

/// `factor` times the input: folded where it is a constant, a Mul where it is computed.
ValueId scaled_input(NodeReader& node, int index, float factor, std::string_view what) {
  if (factor == 1.0f) return node.input(index);
  const Tensor* constant = node.constant(index);
  if (is_float_constant(constant)) {
    return node.add_constant(std::string(what) + "_scaled", scaled(*constant, factor));
  }
  const ValueId by = node.add_constant(what, Tensor::scalar(factor));
  return node.emit_step(std::string(what) + "_scaled", Mul{}, {node.input(index), by});
}

/// The bias [n] that Gemm's C stands for, if C is a constant that broadcasts along the rows.
std::optional<Tensor> constant_bias(const NodeReader& node, float beta, std::int64_t n) {
  const Tensor* c = node.constant(2);
  if (!is_float_constant(c) || c->shape().rank() > 2) return std::nullopt;
  const bool is_row = c->num_elements() == n &&
                      (c->shape().rank() == 1 || (c->shape().rank() == 2 && c->shape()[0] == 1));
  if (is_row) return scaled(c->reshaped(Shape{n}), beta);
  if (c->num_elements() != 1) return std::nullopt;
  Tensor bias(DType::kFloat32, Shape{n});
  for (float& value : bias.mutable_data<float>()) value = c->data<float>()[0] * beta;
  return bias;
}

struct GemmBias {
  std::optional<ValueId> fused;  ///< [n]: Gemm's own input
  std::optional<ValueId> added;  ///< any other shape: added afterwards
};

GemmBias read_gemm_bias(NodeReader& node, float beta, bool transpose_b) {
  if (!node.has_input(2) || beta == 0.0f) return {};
  const std::optional<Shape> weight = node.known_shape(1);
  const bool known = weight && weight->rank() == 2;
  const std::optional<Shape> c = node.known_shape(2);
  if (known) {
    const std::int64_t n = (*weight)[transpose_b ? 0 : 1];
    if (c == Shape{n}) return {.fused = scaled_input(node, 2, beta, "beta"), .added = {}};
    // A weight with a huge dimension and no elements must not make a huge bias.
    if (weight->num_elements() > 0) {
      if (std::optional<Tensor> bias = constant_bias(node, beta, n)) {
        return {.fused = node.add_constant("bias", std::move(*bias)), .added = {}};
      }
    }
  }
  return {.fused = {}, .added = scaled_input(node, 2, beta, "beta")};
}

}  // namespace

void import_gemm(NodeReader& node) {
  node.expect_inputs(node.opset() < 11 ? 3 : 2, 3);
  const float alpha = node.attributes.get_float("alpha", 1.0f);
  const float beta = node.attributes.get_float("beta", 1.0f);
  const bool transpose_a = node.attributes.get_int("transA", 0) != 0;
  const Gemm gemm{.transpose_b = node.attributes.get_int("transB", 0) != 0, .activation = {}};
  if (!std::isfinite(alpha) || !std::isfinite(beta)) {
    node.bad("alpha = ", alpha, ", beta = ", beta, ", accepted: finite numbers");
  }
  ValueId a = node.input(0);
  if (transpose_a) a = node.emit_step("a", Transpose{{1, 0}}, {a});
  std::vector<std::optional<ValueId>> inputs{a, scaled_input(node, 1, alpha, "alpha")};
  const GemmBias bias = read_gemm_bias(node, beta, gemm.transpose_b);
  if (bias.fused) inputs.emplace_back(bias.fused);
  if (!bias.added) {
    node.emit(gemm, std::move(inputs));
    return;
  }
  const ValueId product = node.emit_step("product", gemm, std::move(inputs));
  node.emit(Add{}, {product, bias.added});
}

}  // namespace octet
