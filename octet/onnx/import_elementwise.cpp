// Operators on single elements.

#include <cmath>
#include <limits>

#include "octet/graph/evaluate.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"

namespace octet {
namespace {

constexpr int kManyInputs = 1 << 20;
// Larger constants are left to fold_constants, which has a budget.
constexpr std::int64_t kMaxCastConstant = 1 << 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float finite_attribute(NodeReader& node, std::string_view name, float otherwise) {
  const float value = node.attributes.get_float(name, otherwise);
  if (!std::isfinite(value)) {
    node.bad("attribute ", quote_name(name), " = ", value, ", accepted: finite numbers");
  }
  return value;
}

/// f(f(x0, x1), x2) ..., the last step with `op`, which has two inputs.
void import_chain(NodeReader& node, const Op& op) {
  node.expect_inputs(1, kManyInputs);
  const int count = node.num_inputs();
  if (count == 1) {
    node.emit(Identity{}, {node.input(0)});
    return;
  }
  ValueId so_far = node.input(0);
  for (int i = 1; i + 1 < count; ++i) {
    so_far = node.emit_step(std::to_string(i), op, {so_far, node.input(i)});
  }
  node.emit(op, {so_far, node.input(count - 1)});
}

/// A bound of Clip that the op can hold: a constant float, or none.
bool is_fixed_bound(const NodeReader& node, int index) {
  if (!node.has_input(index)) return true;
  const Tensor* bound = node.constant(index);
  return bound != nullptr && bound->dtype() == DType::kFloat32;
}

float fixed_bound(const NodeReader& node, int index, std::string_view name, float otherwise) {
  if (!node.has_input(index)) return otherwise;
  const Tensor& bound = *node.constant(index);
  if (bound.num_elements() != 1) {
    node.bad(name, " has shape ", to_string(bound.shape()), ", accepted: one element");
  }
  return bound.data<float>()[0];
}

void emit_clip(NodeReader& node, float low, float high) {
  if (std::isnan(low) || std::isnan(high)) node.bad("a bound is NaN");
  // The largest float is how files say "no bound".
  if (low == std::numeric_limits<float>::lowest()) low = -kInfinity;
  if (high == std::numeric_limits<float>::max()) high = kInfinity;
  // ONNX: where min > max, every element becomes max.
  node.emit(Clip{{std::min(low, high), high}}, {node.input(0)});
}

/// Attributes of casts that concern 8-bit floats only.
void ignore_float8(NodeReader& node) {
  if (node.opset() >= 19) node.attributes.ignore("saturate");
  if (node.opset() >= 24) node.attributes.ignore("round_mode");
}

/// Whether a Dropout trains, where that is known.
std::optional<bool> dropout_mode(const NodeReader& node) {
  if (!node.has_input(2)) return false;
  const Tensor* training = node.constant(2);
  if (training == nullptr) return std::nullopt;
  if (training->dtype() != DType::kBool || training->num_elements() != 1) {
    node.bad("training_mode is ", to_string(training->dtype()), " ", to_string(training->shape()),
             ", accepted: one bool");
  }
  return training->data<bool>()[0];
}

}  // namespace

void import_unary(NodeReader& node, UnaryFunction function) {
  node.expect_inputs(1, 1);
  float values[2] = {};
  const auto attributes = unary_attributes(function);
  for (std::size_t i = 0; i < 2; ++i) {
    if (attributes[i].name.empty()) continue;
    values[i] = finite_attribute(node, attributes[i].name, attributes[i].value);
  }
  node.emit(unary(function, values[0], values[1]), {node.input(0)});
}

void import_gelu(NodeReader& node) {
  const std::string approximate = node.attributes.find_string("approximate").value_or("none");
  if (approximate != "none" && approximate != "tanh") {
    node.bad("approximate = ", quote_name(approximate), ", accepted: none, tanh");
  }
  import_unary(node, approximate == "tanh" ? UnaryFunction::kGeluTanh : UnaryFunction::kGelu);
}

void import_binary(NodeReader& node, BinaryFunction function) {
  node.expect_inputs(2, 2);
  node.emit(binary(function), {node.input(0), node.input(1)});
}

void import_variadic(NodeReader& node, BinaryFunction function) {
  import_chain(node, binary(function));
}

void import_mod(NodeReader& node) {
  const bool like_dividend = node.attributes.get_int_between("fmod", 0, 0, 1) == 1;
  import_binary(node, like_dividend ? BinaryFunction::kFmod : BinaryFunction::kMod);
}

void import_sum(NodeReader& node) { import_chain(node, Add{}); }

void import_mean(NodeReader& node) {
  node.expect_inputs(1, kManyInputs);
  ValueId sum = node.input(0);
  for (int i = 1; i < node.num_inputs(); ++i) {
    sum = node.emit_step(std::to_string(i), Add{}, {sum, node.input(i)});
  }
  const auto count = static_cast<float>(node.num_inputs());
  node.emit(Div{}, {sum, node.add_constant("count", Tensor::scalar(count))});
}

void import_where(NodeReader& node) {
  node.expect_inputs(3, 3);
  node.emit(where(), {node.input(0), node.input(1), node.input(2)});
}

void import_clip(NodeReader& node) {
  if (node.opset() < 11) {
    node.expect_inputs(1, 1);
    const float low = node.attributes.get_float("min", -kInfinity);
    emit_clip(node, low, node.attributes.get_float("max", kInfinity));
    return;
  }
  node.expect_inputs(1, 3);
  if (is_fixed_bound(node, 1) && is_fixed_bound(node, 2)) {
    const float low = fixed_bound(node, 1, "min", -kInfinity);
    emit_clip(node, low, fixed_bound(node, 2, "max", kInfinity));
    return;
  }
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.optional_input(1)};
  if (node.has_input(2)) inputs.push_back(node.input(2));
  node.emit(clip_by_inputs(), std::move(inputs));
}

void import_hard_sigmoid(NodeReader& node) {
  node.expect_inputs(1, 1);
  const float alpha = finite_attribute(node, "alpha", 0.2f);
  const float beta = finite_attribute(node, "beta", 0.5f);
  node.emit(HardSigmoid{alpha, beta}, {node.input(0)});
}

void import_dropout(NodeReader& node) {
  // Opset 12 made the ratio an input and brought training_mode.
  const bool may_train = node.opset() >= 12;
  node.expect_inputs(1, may_train ? 3 : 1);
  const std::optional<std::int64_t> seed =
      may_train ? node.attributes.find_int("seed") : std::nullopt;
  if (!may_train) node.attributes.ignore("ratio");
  if (dropout_mode(node) == false) {
    const ValueId x = node.input(0);
    node.emit(Identity{}, {x});
    if (node.num_outputs() < 2) return;
    // All true; of the input's dtype before opset 10.
    ConstantOfShape fill;
    fill.value = node.opset() < 10 ? Tensor::from(Shape{1}, std::vector<float>{1.0f})
                                   : Tensor(DType::kBool, Shape{1});
    if (node.opset() >= 10) fill.value.mutable_data<bool>()[0] = true;
    const ValueId shape = node.emit_step("shape", ShapeOf{}, {x});
    node.emit_output(1, std::move(fill), {shape});
    return;
  }
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.optional_input(1), node.input(2)};
  node.emit_outputs(dropout(seed), std::move(inputs), std::max(1, node.num_outputs()));
}

void import_cast(NodeReader& node) {
  node.expect_inputs(1, 1);
  ignore_float8(node);
  const int to = node.attributes.get_int_between("to", node.attributes.require_int("to"), 0, 1000);
  const Cast cast{dtype_from_onnx(to, node.where())};
  // Exporters cast zero points and axes, which other nodes want to find as constants.
  const Tensor* constant = node.constant(0);
  if (constant && constant->num_elements() <= kMaxCastConstant) {
    if (auto result = evaluate(cast, std::span(constant, 1), constant->shape())) {
      node.emit_constant(std::move(*result));
      return;
    }
  }
  node.emit(cast, {node.input(0)});
}

void import_cast_like(NodeReader& node) {
  node.expect_inputs(2, 2);
  ignore_float8(node);
  const ValueId output = node.emit(cast_like(), {node.input(0), node.input(1)});
  // A Cast, once the dtype is known.
  node.state().deferred.push_back({output, [](const Graph& graph, Node& cast_node) {
                                     cast_node.op = Cast{graph.value(*cast_node.inputs[1]).dtype};
                                     cast_node.inputs.resize(1);
                                   }});
}

}  // namespace octet
