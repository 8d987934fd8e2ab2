#include "octet/quant/integer_roles.h"

#include <algorithm>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/tensor_function.h"
#include "octet/graph/unary_regions.h"

namespace octet {
namespace {

constexpr auto kFloat = IntegerRole::kFloat;
constexpr auto kCompute = IntegerRole::kCompute;
constexpr auto kRequantize = IntegerRole::kRequantize;
constexpr auto kCarry = IntegerRole::kCarry;

IntegerRole role_of_function(const Function& op) {
  if (conv_transpose_of(op)) return kCompute;
  // Of the elementwise functions, the one for which ONNX Runtime has an integer operator.
  if (op.definition->onnx_name() == "LeakyRelu") return kRequantize;
  const ElementFlow flow = op.definition->flow();
  return flow == ElementFlow::kMoves || flow == ElementFlow::kBlends ? kCarry : kFloat;
}

IntegerRole role_of(const Op& op) {
  return std::visit(Overloaded{
                        [](const Conv2d&) { return kCompute; },
                        [](const Gemm&) { return kCompute; },
                        [](const MatMul&) { return kCompute; },
                        [](const Add&) { return kRequantize; },
                        [](const Mul&) { return kRequantize; },
                        [](const Relu&) { return kRequantize; },
                        [](const Clip&) { return kRequantize; },
                        [](const Sigmoid&) { return kRequantize; },
                        [](const Tanh&) { return kRequantize; },
                        [](const HardSigmoid&) { return kRequantize; },
                        [](const HardSwish&) { return kRequantize; },
                        [](const Softmax&) { return kRequantize; },
                        [](const AveragePool&) { return kRequantize; },
                        [](const GlobalAveragePool&) { return kRequantize; },
                        [](const Concat&) { return kRequantize; },
                        [](const MaxPool&) { return kCarry; },
                        [](const Flatten&) { return kCarry; },
                        [](const Reshape&) { return kCarry; },
                        [](const Transpose&) { return kCarry; },
                        [](const Squeeze&) { return kCarry; },
                        [](const Unsqueeze&) { return kCarry; },
                        [](const Slice&) { return kCarry; },
                        [](const Pad& pad) { return pad.value == 0.0f ? kCarry : kFloat; },
                        [](const Identity&) { return kCarry; },
                        [](const Gather&) { return kCarry; },
                        // ONNX Runtime has no integer Sub and Div.
                        [](const Sub&) { return kFloat; },
                        [](const Div&) { return kFloat; },
                        [](const BatchNorm&) { return kFloat; },
                        [](const ShapeOf&) { return kFloat; },
                        [](const Cast&) { return kFloat; },
                        [](const ConstantOfShape&) { return kFloat; },
                        [](const QuantizeLinear&) { return kFloat; },
                        [](const DequantizeLinear&) { return kFloat; },
                        [](const DynamicQuantizeLinear&) { return kFloat; },
                        [](const MatMulInteger&) { return kFloat; },
                        [](const Function& function) { return role_of_function(function); },
                    },
                    op);
}

/// The functions that have a role, in their quantizable form.
std::vector<Op> quantizable_functions() {
  return {conv_transpose_function({}),
          unary(UnaryFunction::kLeakyRelu),
          resize({}),
          expand(),
          tile(),
          split(0, 2),
          depth_to_space(2, DepthOrder::kDepthColumnRow),
          space_to_depth(2),
          gather_elements(0),
          gather_nd(0)};
}

/// Operators whose constant inputs become codes as their activations do.
bool takes_constants(const Op& op) {
  return std::holds_alternative<Add>(op) || std::holds_alternative<Mul>(op) ||
         std::holds_alternative<Concat>(op);
}

}  // namespace

class RoleFinder {
 public:
  RoleFinder(const Graph& graph, IntegerRoles& roles)
      : graph_(graph),
        roles_(roles),
        producers_(producers(graph)),
        readers_(consumers(graph)),
        is_output_(graph.values().size(), false),
        coded_(graph.values().size(), false),
        to_softmax_(graph.values().size(), false),
        in_region_(graph.nodes().size(), false) {
    for (const ValueId output : graph.outputs()) {
      is_output_[static_cast<std::size_t>(output)] = true;
    }
  }

  void find() {
    find_ways_to_softmax();
    find_regions();
    for (const ValueId input : graph_.inputs()) {
      coded_[static_cast<std::size_t>(input)] = is_activation(input);
    }
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      const Node& node = graph_.nodes()[i];
      const IntegerRole role = in_region_[i] ? kFloat : role_in_graph(node);
      roles_.roles_[i] = role;
      // The sum is what has codes.
      const bool coded = role == kCarry
                             ? is_coded(*node.inputs[0])
                             : role != kFloat && !(role == kCompute && adds_bias_behind(node, i));
      for (const ValueId output : node.outputs) {
        coded_[static_cast<std::size_t>(output)] =
            coded || std::holds_alternative<DequantizeLinear>(node.op);
      }
    }
  }

 private:
  bool is_coded(ValueId value) const { return coded_[static_cast<std::size_t>(value)]; }
  bool is_float(ValueId value) const { return graph_.value(value).dtype == DType::kFloat32; }
  bool is_activation(ValueId value) const {
    return is_float(value) && !graph_.value(value).constant;
  }
  bool is_constant(ValueId value) const { return is_float(value) && graph_.value(value).constant; }
  const Node* only_reader(ValueId value) const {
    const auto index = static_cast<std::size_t>(value);
    const bool only = readers_[index].size() == 1 && !is_output_[index];
    return only ? &graph_.node(readers_[index][0]) : nullptr;
  }

  /// Values that nothing but a Softmax reads, perhaps behind a scale and a mask.
  void find_ways_to_softmax() {
    for (std::size_t i = graph_.nodes().size(); i > 0; --i) {
      const Node& node = graph_.nodes()[i - 1];
      const bool passes_on = element_flow(node.op) == ElementFlow::kElementwise &&
                             to_softmax_[static_cast<std::size_t>(node.outputs[0])];
      if (!passes_on && !std::holds_alternative<Softmax>(node.op)) continue;
      for (const std::optional<ValueId>& input : node.inputs) {
        const auto index = input ? static_cast<std::size_t>(*input) : 0;
        if (input && !is_output_[index] && readers_[index].size() == 1) to_softmax_[index] = true;
      }
    }
  }

  /// Functions of one tensor with a node in them that would stay float anyway.
  void find_regions() {
    const UnaryRegionFinder finder(graph_);
    const auto key = [](ValueId value) { return std::optional(value); };
    for (std::size_t i = graph_.nodes().size(); i > 0; --i) {
      if (in_region_[i - 1] || element_flow(graph_.nodes()[i - 1].op) != ElementFlow::kElementwise)
        continue;
      const auto region = finder.find(static_cast<NodeId>(i - 1), key);
      if (!region || std::ranges::none_of(region->nodes, [&](NodeId id) {
            return role_of(graph_.node(id).op) == kFloat;
          })) {
        continue;
      }
      for (const NodeId id : region->nodes) in_region_[static_cast<std::size_t>(id)] = true;
    }
  }

  bool has_constant_weight(const Node& node) const {
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2];
    return node.inputs.size() >= 2 && is_activation(*node.inputs[0]) &&
           is_constant(*node.inputs[1]) && (!has_bias || is_constant(*node.inputs[2]));
  }

  IntegerRole product_role(const Node& node) const {
    const ValueId a = *node.inputs[0], b = *node.inputs[1];
    if (has_constant_weight(node)) {
      const bool is_linear = graph_.value(b).shape.rank() == 2 && graph_.value(a).shape.rank() >= 2;
      return is_linear && graph_.value(b).shape.num_elements() > 0 ? kCompute : kFloat;
    }
    const auto is_matrix = [&](ValueId value) {
      return is_activation(value) && graph_.value(value).shape.rank() >= 2;
    };
    return is_matrix(a) && is_matrix(b) ? kRequantize : kFloat;
  }

  /// The constant vector that this Add adds to a MatMul that nothing else reads.
  std::optional<ValueId> bias_of(const Node& node) const {
    if (!std::holds_alternative<Add>(node.op)) return std::nullopt;
    for (std::size_t i = 0; i < 2; ++i) {
      const ValueId product = *node.inputs[i], bias = *node.inputs[1 - i];
      const auto& id = producers_[static_cast<std::size_t>(product)];
      if (!id || !is_constant(bias) || !only_reader(product)) continue;
      const Node& matmul = graph_.node(*id);
      if (!std::holds_alternative<MatMul>(matmul.op) ||
          roles_.roles_[static_cast<std::size_t>(*id)] != kCompute) {
        continue;
      }
      const Shape& shape = graph_.value(bias).shape;
      const std::int64_t outputs = graph_.value(*matmul.inputs[1]).shape[1];
      if (shape.rank() >= 1 && shape.rank() <= graph_.value(product).shape.rank() &&
          shape[shape.rank() - 1] == outputs && shape.num_elements() == outputs) {
        return bias;
      }
    }
    return std::nullopt;
  }

  bool adds_bias_behind(const Node& node, std::size_t index) {
    const Node* reader = only_reader(node.outputs[0]);
    if (!std::holds_alternative<MatMul>(node.op) || !reader) return false;
    roles_.biases_[index] = bias_of(*reader);
    return roles_.biases_[index].has_value();
  }

  /// Whether every input can be codes and one has them anyway.
  bool fits(const Node& node) const {
    const bool constants = takes_constants(node.op);
    bool coded = false;
    for (const std::optional<ValueId>& input : node.inputs) {
      if (!input) return false;
      if (constants && is_constant(*input)) continue;
      if (!is_activation(*input)) return false;
      coded = coded || is_coded(*input);
    }
    return coded;
  }

  bool carries(const Node& node) const {
    if (node.inputs.empty() || !node.inputs[0] || !is_activation(*node.inputs[0])) return false;
    const bool is_open =
        std::holds_alternative<Function>(node.op) || std::holds_alternative<Gather>(node.op);
    // The other inputs say where, not what; those of typed operators are in the op by now.
    return node.inputs.size() == 1 ||
           (is_open && std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                                   [&](const auto& id) { return !id || !is_activation(*id); }));
  }

  IntegerRole role_in_graph(const Node& node) const {
    const IntegerRole role = role_of(node.op);
    if (std::holds_alternative<MatMul>(node.op)) return product_role(node);
    if (role == kCompute) return has_constant_weight(node) ? role : kFloat;
    if (role == kCarry) return carries(node) ? role : kFloat;
    if (role == kFloat) return role;
    if (bias_of(node)) return IntegerRole::kBias;
    if (to_softmax_[static_cast<std::size_t>(node.outputs[0])] &&
        (std::holds_alternative<Add>(node.op) || std::holds_alternative<Mul>(node.op))) {
      return kFloat;
    }
    return fits(node) ? role : kFloat;
  }

  const Graph& graph_;
  IntegerRoles& roles_;
  std::vector<std::optional<NodeId>> producers_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> is_output_, coded_, to_softmax_, in_region_;
};

IntegerRoles::IntegerRoles(const Graph& graph)
    : graph_(graph), roles_(graph.nodes().size(), kFloat), biases_(graph.nodes().size()) {
  RoleFinder(graph, *this).find();
}

IntegerRole IntegerRoles::of(const Node& node) const {
  return roles_[static_cast<std::size_t>(&node - graph_.nodes().data())];
}

std::optional<ValueId> IntegerRoles::added_bias(const Node& node) const {
  return biases_[static_cast<std::size_t>(&node - graph_.nodes().data())];
}

std::vector<ValueId> quantized_inputs(const Node& node, IntegerRole role) {
  std::vector<ValueId> inputs;
  if (role == IntegerRole::kFloat || role == IntegerRole::kBias) return inputs;
  const std::size_t count = role == IntegerRole::kRequantize ? node.inputs.size() : 1;
  for (std::size_t i = 0; i < count; ++i) inputs.push_back(*node.inputs[i]);
  return inputs;
}

IntegerRole integer_role_of_operator(std::string_view onnx_name) {
  IntegerRole role = kFloat;
  for_each_typed_op([&](const Op& op) {
    if (op_name(op) == onnx_name) role = role_of(op);
  });
  for (const Op& op : quantizable_functions()) {
    if (op_name(op) == onnx_name) role = role_of(op);
  }
  return role;
}

}  // namespace octet
