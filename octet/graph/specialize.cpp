#include "octet/graph/specialize.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/graph/functions/conditional.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/shape_inputs.h"

namespace octet {
namespace {

// Every round goes over the whole graph. Two or three will do; what is not known after so many
// stays unknown until the run.
constexpr int kMaxRounds = 64;

ValueId value_named(const Graph& graph, const std::string& name) {
  const std::optional<ValueId> id = graph.find_value(name);
  if (!id) fail(ErrorKind::kUsage, "specialize: no value is named '", name, "'");
  return *id;
}

[[noreturn]] void fail_fit(const Value& value, const std::string& found) {
  fail(ErrorKind::kBadData, "input '", value.name, "': found ", found,
       ", accepted: ", to_string(value.dtype), " ", to_string(value.shape));
}

bool fits(const Shape& given, const Shape& declared) {
  if (given.rank() != declared.rank()) return false;
  for (int axis = 0; axis < given.rank(); ++axis) {
    if (declared[axis] >= 0 && given[axis] != declared[axis]) return false;
  }
  return true;
}

void set_shape(Graph& graph, const std::string& name, const Shape& shape) {
  Value& value = graph.value(value_named(graph, name));
  if (!fits(shape, value.shape)) fail_fit(value, to_string(shape));
  value.shape = shape;
}

void set_value(Graph& graph, const std::string& name, const Tensor& tensor) {
  const ValueId id = value_named(graph, name);
  if (graph.value(id).constant) return;
  if (tensor.dtype() != graph.value(id).dtype || !fits(tensor.shape(), graph.value(id).shape)) {
    fail_fit(graph.value(id),
             std::string(to_string(tensor.dtype())) + " " + to_string(tensor.shape()));
  }
  if (std::erase(graph.inputs(), id) > 0) {
    graph.value(id).shape = tensor.shape();
    graph.value(id).constant = tensor;
    return;
  }
  graph.replace_uses(id, graph.add_constant(graph.unique_value_name(name), tensor));
}

std::ptrdiff_t count_unknown(const Graph& graph) {
  return std::ranges::count_if(graph.nodes(), [&](const Node& node) {
    return is_conditional(node.op) || has_shape_inputs(node) ||
           std::ranges::any_of(node.outputs,
                               [&](ValueId id) { return !graph.value(id).shape.is_static(); });
  });
}

bool is_integer_or_bool(DType dtype) { return dtype != DType::kFloat32; }

}  // namespace

void settle(Graph& graph, const FoldLimits& limits) {
  // Once for all rounds: each would else be granted a multiple of what the last one made.
  const PassOptions options{.fold = fold_limits_of(graph, limits)};
  // A round may need shapes or a condition that the round before folded out of constants.
  for (int round = 0; round < kMaxRounds; ++round) {
    const std::pair before{count_unknown(graph), graph.nodes().size()};
    inline_branches(graph);
    run_passes(graph, import_passes(), options);
    if (count_unknown(graph) == 0 ||
        std::pair(count_unknown(graph), graph.nodes().size()) == before) {
      break;
    }
  }
  normalize_branches(graph);
}

std::vector<ValueId> deciding_inputs(const Node& node) {
  if (is_conditional(node.op)) return {*node.inputs[0]};
  std::vector<ValueId> causes;
  const std::size_t first = has_shape_inputs(node) ? data_inputs(node) : 0;
  for (std::size_t i = first; i < node.inputs.size(); ++i) {
    if (node.inputs[i]) causes.push_back(*node.inputs[i]);
  }
  return causes;
}

Graph specialize(const Graph& graph, const std::map<std::string, Shape>& shapes,
                 const std::map<std::string, Tensor>& values, const FoldLimits& limits) {
  Graph result = graph;
  for (const auto& [name, shape] : shapes) set_shape(result, name, shape);
  for (const auto& [name, tensor] : values) set_value(result, name, tensor);
  settle(result, limits);
  return result;
}

bool waits_for_elements(const Graph& graph, const Node& node) {
  const auto is_static = [&](ValueId id) { return graph.value(id).shape.is_static(); };
  const bool inputs_known =
      std::ranges::all_of(node.inputs, [&](const auto& id) { return !id || is_static(*id); });
  return inputs_known && (is_conditional(node.op) || has_shape_inputs(node) ||
                          !std::ranges::all_of(node.outputs, is_static));
}

std::vector<std::string> inputs_that_decide(const Graph& graph, bool integers_only) {
  const auto producer = producers(graph);
  std::vector<bool> seen(graph.values().size(), false);
  std::vector<ValueId> open;
  const auto visit = [&](ValueId id) {
    const Value& value = graph.value(id);
    const bool small = value.shape.is_static() && value.shape.num_elements() <= kMaxKnownElements;
    if (!small || value.constant || seen[static_cast<std::size_t>(id)]) return;
    if (integers_only && !is_integer_or_bool(value.dtype)) return;
    seen[static_cast<std::size_t>(id)] = true;
    open.push_back(id);
  };
  for (const Node& node : graph.nodes()) {
    if (!waits_for_elements(graph, node)) continue;
    for (const ValueId id : deciding_inputs(node)) visit(id);
  }
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    const auto node = producer[static_cast<std::size_t>(id)];
    if (!node) continue;
    for (const auto& input : graph.node(*node).inputs) {
      if (input) visit(*input);
    }
  }
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs()) {
    if (seen[static_cast<std::size_t>(id)]) names.push_back(graph.value(id).name);
  }
  return names;
}

}  // namespace octet
