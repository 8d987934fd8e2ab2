#include <algorithm>

#include "octet/base/error.h"
#include "octet/graph/evaluate.h"
#include "octet/graph/functions/conditional.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/quantized_constant.h"
#include "octet/graph/shape_inputs.h"
#include "octet/runtime/plan_impl.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/copy_steps.h"
#include "octet/runtime/steps/eltwise_steps.h"
#include "octet/runtime/steps/function_step.h"
#include "octet/runtime/steps/gemm_wq_steps.h"
#include "octet/runtime/steps/matrix_steps.h"
#include "octet/runtime/steps/pool_steps.h"
#include "octet/runtime/steps/quantize_steps.h"

namespace octet {
namespace {

/// Codes of every input under the output's parameters, then one copy.
void lower_concat_u8(PlanBuilder& builder, const Node& node, const Concat& op,
                     const IntegerNode& integer) {
  const ActivationCodes& out = *integer.output;
  std::vector<Stored> inputs;
  for (const ActivationCodes& codes : integer.inputs) {
    Stored in = builder.stored(codes.integers);
    in.scale = codes.scale;
    in.zero_point = codes.zero_point;
    inputs.push_back(add_requantize_step(builder, in, out.scale, out.zero_point, node.name));
  }
  lower_concat(builder, node, op, inputs, out.integers, out.scale, out.zero_point, DType::kUInt8);
}

void lower_integer(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const ValueId input = integer.inputs[0].integers;
  const ValueId output = integer.output ? integer.output->integers : node.outputs[0];
  std::visit(Overloaded{
                 [&](const Conv2d&) { lower_conv_u8(builder, node, integer); },
                 [&](const Gemm&) { lower_gemm_u8(builder, node, integer); },
                 [&](const MatMul&) {
                   const bool is_layer = integer.inputs.size() == 1;
                   (is_layer ? lower_gemm_u8 : lower_product_u8)(builder, node, integer);
                 },
                 [&](const Add&) { lower_eltwise(builder, node, &integer); },
                 [&](const Mul&) { lower_eltwise(builder, node, &integer); },
                 [&](const MaxPool&) { lower_pool(builder, node, &integer); },
                 [&](const AveragePool&) { lower_pool(builder, node, &integer); },
                 [&](const GlobalAveragePool&) { lower_pool(builder, node, &integer); },
                 [&](const Concat& op) { lower_concat_u8(builder, node, op, integer); },
                 [&](const Flatten&) { lower_reshape(builder, node, input, output); },
                 [&](const Reshape&) { lower_reshape(builder, node, input, output); },
                 [&](const Squeeze&) { lower_reshape(builder, node, input, output); },
                 [&](const Unsqueeze&) { lower_reshape(builder, node, input, output); },
                 [&](const Transpose& op) { lower_transpose(builder, node, op, input, output); },
                 [&](const Slice& op) { lower_slice(builder, node, op, input, output); },
                 [&](const Pad& op) { lower_pad(builder, node, op, input, output); },
                 [&](const Gather&) { lower_moved_codes(builder, node, integer); },
                 [&](const Function& op) {
                   const bool moves = !conv_transpose_of(op);
                   (moves ? lower_moved_codes : lower_conv_transpose_u8)(builder, node, integer);
                 },
                 [&](const auto&) { lower_table(builder, node, integer); },
             },
             node.op);
}

[[noreturn]] void fail_unsupported(const Node& node) {
  fail(ErrorKind::kUnsupported, "compile: node '", node.name, "': no kernel for operator ",
       op_name(node.op), " in this form");
}

/// Whether the operator is arithmetic whose float version deserves an explanation.
bool is_compute(const Op& op) {
  return !std::holds_alternative<QuantizeLinear>(op) &&
         !std::holds_alternative<DequantizeLinear>(op) &&
         !std::holds_alternative<DynamicQuantizeLinear>(op) &&
         !std::holds_alternative<MatMulInteger>(op);
}

/// Whether there may be a kernel for the dtypes: arithmetic is on floats, and what only moves
/// elements is on 8-bit integers too. (Codes of a quantized region are no matter of dtypes.)
bool has_kernel_dtypes(const PlanBuilder& builder, const Node& node) {
  if (!is_compute(node.op)) return true;
  const bool bytes = moves_elements(node.op);
  const auto fits = [&](ValueId id) {
    const Value& value = builder.graph().value(id);
    const bool is_byte = value.dtype == DType::kInt8 || value.dtype == DType::kUInt8;
    return value.dtype == DType::kFloat32 || (bytes && is_byte && !value.constant);
  };
  return std::ranges::all_of(node.inputs, [&](const auto& id) { return !id || fits(*id); }) &&
         std::ranges::all_of(node.outputs, fits);
}

void lower_by_definition(PlanBuilder& builder, const Node& node) {
  auto function = function_of(node.op);
  if (!function) fail_unsupported(node);
  const auto fits = [&](ValueId id) {
    return builder.graph().value(id).shape.rank() <= kMaxViewRank;
  };
  if (!std::ranges::all_of(node.inputs, [&](const auto& id) { return !id || fits(*id); }) ||
      !std::ranges::all_of(node.outputs, fits)) {
    fail_unsupported(node);
  }
  lower_function(builder, node, std::move(function));
}

/// The kernels pack weights and bias when the graph is compiled.
bool has_constant_weights(const PlanBuilder& builder, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (!node.inputs[i]) continue;
    if (builder.graph().value(*node.inputs[i]).constant) continue;
    const Node* producer = builder.nodes().producer(*node.inputs[i]);
    if (!producer || !is_quantized_constant(builder.graph(), *producer)) return false;
  }
  return true;
}

void lower_conv(PlanBuilder& builder, const Node& node) {
  if (has_constant_weights(builder, node)) return lower_conv_f32(builder, node);
  lower_by_definition(builder, node);
}

void lower_product(PlanBuilder& builder, const Node& node) {
  if (!has_gemm_f32(builder, node)) return lower_by_definition(builder, node);
  if (!lower_gemm_wq(builder, node)) lower_gemm_f32(builder, node);
}

void lower_softmax(PlanBuilder& builder, const Node& node) {
  if (has_float_softmax(builder, node)) return lower_float_activation(builder, node);
  lower_by_definition(builder, node);
}

void lower_global_average(PlanBuilder& builder, const Node& node) {
  if (builder.graph().value(*node.inputs[0]).shape.rank() == 4) {
    return lower_pool(builder, node, nullptr);
  }
  lower_by_definition(builder, node);
}

void lower_float_eltwise(PlanBuilder& builder, const Node& node) {
  if (has_eltwise_kernel(builder.graph(), node)) return lower_eltwise(builder, node, nullptr);
  lower_by_definition(builder, node);
}

void lower_float(PlanBuilder& builder, const Node& node) {
  const auto input = [&] { return *node.inputs[0]; };
  const ValueId output = node.outputs[0];
  std::visit(Overloaded{
                 [&](const Conv2d&) { lower_conv(builder, node); },
                 [&](const Gemm&) { lower_product(builder, node); },
                 [&](const MatMul&) { lower_product(builder, node); },
                 [&](const Add&) { lower_float_eltwise(builder, node); },
                 [&](const Mul&) { lower_float_eltwise(builder, node); },
                 [&](const Relu&) { lower_float_activation(builder, node); },
                 [&](const Clip&) { lower_float_activation(builder, node); },
                 [&](const Sigmoid&) { lower_float_activation(builder, node); },
                 [&](const Tanh&) { lower_float_activation(builder, node); },
                 [&](const HardSigmoid&) { lower_float_activation(builder, node); },
                 [&](const HardSwish&) { lower_float_activation(builder, node); },
                 [&](const Softmax&) { lower_softmax(builder, node); },
                 [&](const MaxPool&) { lower_pool(builder, node, nullptr); },
                 [&](const AveragePool&) { lower_pool(builder, node, nullptr); },
                 [&](const GlobalAveragePool&) { lower_global_average(builder, node); },
                 [&](const Concat& op) {
                   std::vector<Stored> inputs;
                   for (const auto& in : node.inputs) inputs.push_back(builder.stored(*in));
                   lower_concat(builder, node, op, inputs, output, 1.0f, 0, inputs[0].dtype);
                 },
                 [&](const Flatten&) { lower_reshape(builder, node, input(), output); },
                 [&](const Reshape&) { lower_reshape(builder, node, input(), output); },
                 [&](const Squeeze&) { lower_reshape(builder, node, input(), output); },
                 [&](const Unsqueeze&) { lower_reshape(builder, node, input(), output); },
                 [&](const Identity&) { builder.define_as(output, builder.stored(input())); },
                 [&](const Transpose& op) { lower_transpose(builder, node, op, input(), output); },
                 [&](const Slice& op) { lower_slice(builder, node, op, input(), output); },
                 [&](const Pad& op) { lower_pad(builder, node, op, input(), output); },
                 [&](const QuantizeLinear& op) {
                   if (!activation_codes(output, op.params)) {
                     return lower_by_definition(builder, node);
                   }
                   lower_quantize(builder, node, input());
                 },
                 // On demand: the float view is made when a float operator asks for it.
                 [&](const DequantizeLinear&) {},
                 [&](const DynamicQuantizeLinear&) {
                   if (!only_dynamic_linears_read(builder, node)) {
                     lower_by_definition(builder, node);
                   }
                 },
                 [&](const MatMulInteger&) {
                   if (!lower_dynamic_linear(builder, node)) lower_by_definition(builder, node);
                 },
                 [&](const auto&) { lower_by_definition(builder, node); },
             },
             node.op);
}

/// The product of the scales stands before the MatMulInteger whose layer computes it.
bool multiplies_dynamic_scale(const PlanBuilder& builder, const Node& node) {
  if (!std::holds_alternative<Mul>(node.op)) return false;
  return std::ranges::any_of(node.inputs, [&](const auto& input) {
    const Node* from = builder.nodes().producer(*input);
    return from && std::holds_alternative<DynamicQuantizeLinear>(from->op) && !builder.has(*input);
  });
}

/// A Relu or Clip that only a QuantizeLinear reads is a narrower range of codes.
bool lower_clamped_quantize(PlanBuilder& builder, const Node& node) {
  const auto clamp = as_clamp(node.op);
  const Node* reader = clamp ? builder.nodes().only_reader(node.outputs[0]) : nullptr;
  const auto* quantize = reader ? std::get_if<QuantizeLinear>(&reader->op) : nullptr;
  if (!quantize || !activation_codes(reader->outputs[0], quantize->params)) return false;
  if (!has_kernel_dtypes(builder, node)) return false;
  lower_quantize(builder, *reader, *node.inputs[0], *clamp);
  return true;
}

void lower_node(PlanBuilder& builder, const Node& node) {
  if (builder.has(node.outputs[0]) || builder.is_absorbed(node.outputs[0])) return;
  if (multiplies_dynamic_scale(builder, node)) return;
  // On demand, as every DequantizeLinear: mostly a kernel reads the codes.
  if (is_quantized_constant(builder.graph(), node)) return;
  if (is_conditional(node.op)) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (If): the condition '",
         builder.graph().value(*node.inputs[0]).name,
         "' is known only at run time, accepted: a constant");
  }
  if (has_shape_inputs(node)) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name, "' (", op_name(node.op),
         "): its input '", builder.graph().value(*node.inputs.back()).name,
         "' is known only at run time, accepted: a constant");
  }
  if (const CodeFunction* function = builder.nodes().code_function(node)) {
    lower_code_function(builder, node, *function);
    return;
  }
  std::string why_float;
  const auto integer = builder.nodes().find(node, &why_float);
  const std::size_t first = builder.layers.size();
  if (integer) {
    lower_integer(builder, node, *integer);
    for (const ValueId value : integer->absorbed) builder.absorb(value);
    return;
  }
  if (lower_clamped_quantize(builder, node)) return;
  if (has_kernel_dtypes(builder, node)) {
    lower_float(builder, node);
  } else {
    lower_by_definition(builder, node);
  }
  const bool gives_floats = builder.graph().value(node.outputs[0]).dtype == DType::kFloat32;
  if (!is_compute(node.op) || !gives_floats) return;
  for (std::size_t i = first; i < builder.layers.size(); ++i) {
    if (builder.layers[i].name == node.name) builder.layers[i].why_float = why_float;
  }
}

/// Lets the weights of layers go, once every layer that reads them is lowered.
class PackedWeights {
 public:
  explicit PackedWeights(Graph& graph)
      : graph_(graph), producers_(producers(graph)), consumers_(consumers(graph)) {}

  /// Node number `index`, after those before it, is lowered.
  void release(std::size_t index) {
    const Node& node = graph_.nodes()[index];
    const bool is_layer = std::holds_alternative<Conv2d>(node.op) ||
                          std::holds_alternative<Gemm>(node.op) ||
                          std::holds_alternative<MatMul>(node.op);
    if (!is_layer || node.inputs.size() < 2 || !is_last_reader(*node.inputs[1], index)) return;
    ValueId weight = *node.inputs[1];
    // The integers of a weight lie behind its DequantizeLinear.
    if (const auto id = producers_[static_cast<std::size_t>(weight)]) {
      if (!std::holds_alternative<DequantizeLinear>(graph_.node(*id).op)) return;
      weight = *graph_.node(*id).inputs[0];
      if (consumers_[static_cast<std::size_t>(weight)].size() > 1) return;
    }
    std::optional<Tensor>& constant = graph_.value(weight).constant;
    if (constant && !is_graph_output(graph_, weight)) constant = Tensor();
  }

 private:
  bool is_last_reader(ValueId value, std::size_t index) const {
    const std::vector<NodeId>& readers = consumers_[static_cast<std::size_t>(value)];
    return !is_graph_output(graph_, value) && !readers.empty() &&
           static_cast<std::size_t>(readers.back()) <= index;
  }

  Graph& graph_;
  std::vector<std::optional<NodeId>> producers_;
  std::vector<std::vector<NodeId>> consumers_;
};

}  // namespace

bool has_float_kernel(std::string_view onnx_name) {
  bool found = false;
  for_each_typed_op([&](const Op& op) {
    // What lower_float has no line for.
    const bool by_definition = std::visit(
        Overloaded{[](const BatchNorm&) { return true; }, [](const Sub&) { return true; },
                   [](const Div&) { return true; }, [](const ShapeOf&) { return true; },
                   [](const Gather&) { return true; }, [](const Cast&) { return true; },
                   [](const ConstantOfShape&) { return true; }, [](const auto&) { return false; }},
        op);
    found = found || (op_name(op) == onnx_name && !by_definition);
  });
  return found;
}

Plan compile(const Graph& graph, const CompileOptions& options) {
  return compile(Graph(graph), options);
}

Plan compile(Graph&& graph, const CompileOptions& options) {
  if (options.max_batch < 1 || options.threads < 1) {
    fail(ErrorKind::kUsage, "compile: batch ", options.max_batch, " and threads ", options.threads,
         ", accepted: 1 or more");
  }
  Graph prepared = std::move(graph);
  infer_shapes(prepared);
  run_passes(prepared, inference_passes(), options.passes);
  PlanBuilder builder(prepared, options);
  for (const ValueId value : builder.nodes().inside_code_functions()) builder.absorb(value);
  PackedWeights weights(prepared);
  for (std::size_t i = 0; i < prepared.nodes().size(); ++i) {
    lower_node(builder, prepared.nodes()[i]);
    weights.release(i);
  }
  for (std::size_t i = 0; i < prepared.outputs().size(); ++i) {
    add_output_step(builder, prepared.outputs()[i], i);
  }
  return Plan(std::make_unique<Plan::Impl>(builder));
}

}  // namespace octet
