#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "octet/base/error.h"
#include "octet/graph/functions/conditional.h"

namespace octet {
namespace {

/// What the names that a branch sees stand for: a constant, or null for any other value.
using Scope = std::map<std::string, const Tensor*>;

Scope with_values_of(Scope scope, const Graph& graph) {
  for (const Value& value : graph.values()) {
    scope[value.name] = value.constant ? &*value.constant : nullptr;
  }
  return scope;
}

/// Copies one branch: takes the constants around it in and gives its values the names of a file.
class BranchCopy {
 public:
  BranchCopy(const Graph& around, const Node& node, const Branch& branch, const Scope& scope)
      : around_(around),
        node_(node),
        branch_(branch),
        scope_(scope),
        copies_(branch.graph->values().size()) {}

  /// `captured`: the value around the branch that each input is.
  Graph copy(std::vector<ValueId>& captured) {
    const Graph& old = *branch_.graph;
    result_.name = old.name;
    for (std::size_t i = 0; i < branch_.captures.size(); ++i) {
      copied(old.inputs()[i]) = capture(*node_.inputs[branch_.captures[i]], captured);
    }
    for (std::size_t i = 0; i < copies_.size(); ++i) {
      if (!copies_[i]) copies_[i] = copy_value(old.values()[i]);
    }
    for (const Node& node : old.nodes()) {
      std::vector<std::optional<ValueId>> inputs;
      for (const auto& id : node.inputs) inputs.push_back(id ? copied(*id) : std::nullopt);
      std::vector<ValueId> outputs;
      for (const ValueId id : node.outputs) outputs.push_back(*copied(id));
      result_.add_node(node.name, node.op, std::move(inputs), std::move(outputs));
    }
    for (const ValueId id : old.outputs()) add_output(*copied(id));
    return std::move(result_);
  }

 private:
  std::optional<ValueId>& copied(ValueId id) { return copies_[static_cast<std::size_t>(id)]; }

  ValueId capture(ValueId id, std::vector<ValueId>& captured) {
    const Value& value = around_.value(id);
    if (const auto known = result_.find_value(value.name)) return *known;
    if (value.constant) return result_.add_constant(value.name, *value.constant);
    captured.push_back(id);
    return result_.add_input(value.name, value.dtype, value.shape);
  }

  /// Whether a value may be called so: nothing around has the name, or an equal constant.
  bool is_free(const std::string& name, const std::optional<Tensor>& constant) const {
    if (result_.find_value(name)) return false;
    const auto visible = scope_.find(name);
    if (visible == scope_.end()) return true;
    return constant && visible->second && *visible->second == *constant;
  }

  std::string free_name(const std::string& wanted, const std::optional<Tensor>& constant) const {
    std::string name = wanted;
    for (int suffix = 1; !is_free(name, constant); ++suffix) {
      name = wanted + "_" + std::to_string(suffix);
    }
    return name;
  }

  ValueId copy_value(const Value& value) {
    const std::string name = free_name(value.name, value.constant);
    return value.constant ? result_.add_constant(name, *value.constant)
                          : result_.add_value(name, value.dtype, value.shape);
  }

  void add_output(ValueId id) {
    const auto has = [&](const std::vector<ValueId>& ids) {
      return std::ranges::find(ids, id) != ids.end();
    };
    if (!has(result_.inputs()) && !has(result_.outputs())) {
      result_.add_output(id);
      return;
    }
    const Value value = result_.value(id);
    const ValueId copy =
        result_.add_value(free_name(value.name + "_copy", std::nullopt), value.dtype, value.shape);
    result_.add_node(value.name + "_copy", Identity{}, {id}, {copy});
    result_.add_output(copy);
  }

  const Graph& around_;
  const Node& node_;
  const Branch& branch_;
  const Scope& scope_;
  Graph result_;
  std::vector<std::optional<ValueId>> copies_;
};

/// Leaves the inputs that nodes read, in the order in which they do.
void order_inputs(Graph& graph, std::vector<ValueId>& captured) {
  std::map<ValueId, ValueId> around;
  for (std::size_t i = 0; i < captured.size(); ++i) around[graph.inputs()[i]] = captured[i];
  graph.inputs().clear();
  captured.clear();
  for (const Node& node : graph.nodes()) {
    for (const auto& id : node.inputs) {
      const auto input = id ? around.find(*id) : around.end();
      if (input == around.end()) continue;
      graph.inputs().push_back(input->first);
      captured.push_back(input->second);
      around.erase(input);
    }
  }
}

void normalize(Graph& graph, const Scope& outer) {
  if (std::ranges::none_of(graph.nodes(), [](const Node& n) { return is_conditional(n.op); })) {
    return;
  }
  const Scope scope = with_values_of(outer, graph);
  for (Node& node : graph.nodes()) {
    const std::span<const Branch> branches = branches_of(node.op);
    if (branches.empty()) continue;
    std::vector<std::optional<ValueId>> inputs{node.inputs[0]};
    std::vector<Branch> normal;
    for (const Branch& branch : branches) {
      std::vector<ValueId> captured;
      Graph copy = BranchCopy(graph, node, branch, scope).copy(captured);
      normalize(copy, scope);
      order_inputs(copy, captured);
      copy.compact();
      std::vector<std::size_t> captures;
      for (const ValueId id : captured) {
        captures.push_back(inputs.size());
        inputs.emplace_back(id);
      }
      normal.push_back({std::make_shared<const Graph>(std::move(copy)), std::move(captures)});
    }
    node.inputs = std::move(inputs);
    node.op = Function{std::make_shared<Conditional>(std::move(normal[1]), std::move(normal[0]))};
  }
}

}  // namespace

void normalize_branches(Graph& graph) { normalize(graph, {}); }

std::optional<Graph> typed_branch(const Graph& around, const Node& node, const Branch& branch) {
  Graph typed = *branch.graph;
  for (std::size_t i = 0; i < branch.captures.size(); ++i) {
    const Value& captured = around.value(*node.inputs[branch.captures[i]]);
    set_captured_type(typed.value(typed.inputs()[i]), captured.dtype, captured.shape);
  }
  try {
    infer_shapes(typed);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) throw;
    return std::nullopt;
  }
  return typed;
}

void rewrite_branches(Graph& graph, const std::function<void(Graph& branch)>& rewrite) {
  for (Node& node : graph.nodes()) {
    const std::span<const Branch> branches = branches_of(node.op);
    if (branches.empty()) continue;
    std::vector<Branch> rewritten(branches.begin(), branches.end());
    for (Branch& branch : rewritten) {
      std::optional<Graph> typed = typed_branch(graph, node, branch);
      if (!typed) continue;
      rewrite(*typed);
      branch.graph = std::make_shared<const Graph>(std::move(*typed));
    }
    node.op =
        Function{std::make_shared<Conditional>(std::move(rewritten[1]), std::move(rewritten[0]))};
  }
}

}  // namespace octet
