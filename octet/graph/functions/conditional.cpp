#include "octet/graph/functions/conditional.h"

#include <algorithm>
#include <variant>

#include "octet/graph/node_error.h"

namespace octet {
namespace {

constexpr std::size_t kManyInputs = 1 << 20;

std::vector<TensorType> types_of(const Branch& branch, const FunctionInputs& inputs) {
  Graph graph = *branch.graph;
  for (std::size_t i = 0; i < branch.captures.size(); ++i) {
    set_captured_type(graph.value(graph.inputs()[i]), inputs.dtype(branch.captures[i]),
                      inputs.shape(branch.captures[i]));
  }
  infer_shapes(graph);
  std::vector<TensorType> types;
  for (const ValueId id : graph.outputs()) {
    types.push_back({graph.value(id).dtype, graph.value(id).shape});
  }
  return types;
}

/// The types of a branch that may not be meant for these inputs; what does not fit where they are
/// not. Asked once: each level of nested branches would double a second try.
std::variant<std::vector<TensorType>, Error> possible_types(const Branch& branch,
                                                            const FunctionInputs& inputs) {
  try {
    return types_of(branch, inputs);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) throw;
    return error;
  }
}

TensorType joined(const Node& node, const TensorType& a, const TensorType& b) {
  if (a.dtype != b.dtype || a.shape.rank() != b.shape.rank()) {
    fail_node(ErrorKind::kUnsupported, node, "one branch gives ", to_string(a.dtype), " ",
              to_string(a.shape), ", the other ", to_string(b.dtype), " ", to_string(b.shape),
              ", accepted: equal types and ranks");
  }
  TensorType result = a;
  for (int axis = 0; axis < a.shape.rank(); ++axis) {
    if (a.shape[axis] != b.shape[axis]) result.shape[axis] = kUnknownDim;
  }
  return result;
}

void splice(Graph& graph, const Node& node, const Branch& branch) {
  const Graph& inner = *branch.graph;
  std::vector<std::optional<ValueId>> outer(inner.values().size());
  for (std::size_t i = 0; i < branch.captures.size(); ++i) {
    outer[static_cast<std::size_t>(inner.inputs()[i])] = node.inputs[branch.captures[i]];
  }
  for (std::size_t i = 0; i < outer.size(); ++i) {
    if (outer[i]) continue;
    const Value& value = inner.values()[i];
    // A constant that both graphs hold was one before the branch took it in.
    const std::optional<ValueId> same = graph.find_value(value.name);
    if (same && value.constant && graph.value(*same).constant == value.constant) {
      outer[i] = same;
      continue;
    }
    const std::string name = graph.unique_value_name(value.name);
    outer[i] = value.constant ? graph.add_constant(name, *value.constant)
                              : graph.add_value(name, value.dtype, value.shape);
  }
  const auto moved = [&](ValueId id) { return *outer[static_cast<std::size_t>(id)]; };
  for (const Node& part : inner.nodes()) {
    std::vector<std::optional<ValueId>> inputs;
    for (const auto& id : part.inputs) {
      inputs.push_back(id ? std::optional(moved(*id)) : std::nullopt);
    }
    std::vector<ValueId> outputs;
    for (const ValueId id : part.outputs) outputs.push_back(moved(id));
    graph.add_node(part.name, part.op, std::move(inputs), std::move(outputs));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    graph.add_node(node.name, Identity{}, {moved(inner.outputs()[i])}, {node.outputs[i]});
  }
}

/// The condition if it is a constant.
std::optional<bool> known_condition(const Graph& graph, const Node& node) {
  const std::optional<Tensor>& condition = graph.value(*node.inputs[0]).constant;
  if (!condition) return std::nullopt;
  if (condition->dtype() != DType::kBool || condition->num_elements() != 1) {
    fail_node(ErrorKind::kBadData, node, "condition ", to_string(condition->dtype()), " ",
              to_string(condition->shape()), ", accepted: one bool");
  }
  return condition->data<bool>()[0];
}

}  // namespace

void set_captured_type(Value& input, DType dtype, const Shape& shape) {
  input.dtype = dtype;
  input.shape = shape;
  // Around the branch any dimension may be the batch, of an input the first alone.
  for (int axis = 1; axis < shape.rank(); ++axis) {
    if (shape[axis] == kDynamicDim) input.shape[axis] = kUnknownDim;
  }
}

FunctionArity Conditional::arity() const {
  const std::size_t outputs = branches_[0].graph->outputs().size();
  return {1, kManyInputs, outputs, outputs};
}

std::vector<TensorType> Conditional::output_types(const FunctionInputs& inputs) const {
  const Node& node = inputs.node();
  inputs.require_dtype(0, {DType::kBool});
  const auto condition = inputs.integers(0);
  if (condition && condition->size() == 1) {
    return types_of(branches_[(*condition)[0] != 0 ? 1 : 0], inputs);
  }
  const auto if_true = possible_types(branches_[1], inputs);
  const auto if_false = possible_types(branches_[0], inputs);
  const auto* a = std::get_if<std::vector<TensorType>>(&if_true);
  const auto* b = std::get_if<std::vector<TensorType>>(&if_false);
  if (!a && !b) throw std::get<Error>(if_true);
  std::vector<TensorType> types = a ? *a : *b;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (a && b) {
      types[i] = joined(node, (*a)[i], (*b)[i]);
    } else {
      for (int axis = 0; axis < types[i].shape.rank(); ++axis) types[i].shape[axis] = kUnknownDim;
    }
  }
  return types;
}

bool Conditional::compute(std::span<const ConstTensorView>, std::span<const TensorView>,
                          std::byte*) const noexcept {
  return false;
}

std::span<const Branch> branches_of(const Op& op) {
  const auto* function = std::get_if<Function>(&op);
  return function ? function->definition->branches() : std::span<const Branch>();
}

void inline_branch(Graph& graph, NodeId id, bool condition) {
  const Node node = std::move(graph.node(id));
  graph.nodes().erase(graph.nodes().begin() + static_cast<std::ptrdiff_t>(id));
  splice(graph, node, branches_of(node.op)[condition ? 1 : 0]);
  graph.sort();
}

namespace {

/// Puts the branches of those conditionals in their place whose condition is known now. Whether
/// there was one.
bool inline_decided(Graph& graph) {
  std::vector<Node> decided, kept;
  for (Node& node : graph.nodes()) {
    const bool is_decided = is_conditional(node.op) && known_condition(graph, node);
    (is_decided ? decided : kept).push_back(std::move(node));
  }
  graph.nodes() = std::move(kept);
  for (const Node& node : decided) {
    splice(graph, node, branches_of(node.op)[*known_condition(graph, node) ? 1 : 0]);
  }
  return !decided.empty();
}

}  // namespace

bool inline_branches(Graph& graph) {
  bool changed = false;
  while (inline_decided(graph)) changed = true;  // a branch may hold more of them
  if (changed) graph.sort();
  return changed;
}

}  // namespace octet
