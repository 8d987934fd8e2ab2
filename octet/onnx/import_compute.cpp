// Gemm and activations.

#include <cmath>
#include <limits>

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

/// The bounds of Clip before opset 11 are attributes, then inputs.
float clip_bound(NodeReader& node, int index, std::string_view name, float otherwise) {
  if (!node.has_input(index)) return otherwise;
  const Tensor& bound = node.require_constant(index, name);
  if (bound.dtype() != DType::kFloat32) {
    node.unsupported(name, " is ", to_string(bound.dtype()), ", accepted: float32");
  }
  if (bound.num_elements() != 1) {
    node.bad(name, " has shape ", to_string(bound.shape()), ", accepted: one element");
  }
  return bound.data<float>()[0];
}

}  // namespace

void import_gemm(NodeReader& node) {
  node.expect_inputs(2, 3);
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

void import_clip(NodeReader& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Clip clip;
  if (node.opset() < 11) {
    node.expect_inputs(1, 1);
    clip.range.low = node.attributes.get_float("min", -kInfinity);
    clip.range.high = node.attributes.get_float("max", kInfinity);
  } else {
    node.expect_inputs(1, 3);
    clip.range.low = clip_bound(node, 1, "min", -kInfinity);
    clip.range.high = clip_bound(node, 2, "max", kInfinity);
  }
  if (std::isnan(clip.range.low) || std::isnan(clip.range.high)) node.bad("a bound is NaN");
  // The largest float is how files say "no bound".
  if (clip.range.low == std::numeric_limits<float>::lowest()) clip.range.low = -kInfinity;
  if (clip.range.high == std::numeric_limits<float>::max()) clip.range.high = kInfinity;
  // ONNX: where min > max, every element becomes max.
  clip.range.low = std::min(clip.range.low, clip.range.high);
  node.emit(clip, {node.input(0)});
}

void import_hard_sigmoid(NodeReader& node) {
  node.expect_inputs(1, 1);
  const float alpha = node.attributes.get_float("alpha", 0.2f);
  const float beta = node.attributes.get_float("beta", 0.5f);
  if (!std::isfinite(alpha) || !std::isfinite(beta)) {
    node.bad("alpha = ", alpha, ", beta = ", beta, ", accepted: finite numbers");
  }
  node.emit(HardSigmoid{alpha, beta}, {node.input(0)});
}

}  // namespace octet
