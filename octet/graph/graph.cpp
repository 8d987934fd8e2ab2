#include "octet/graph/graph.h"

#include <algorithm>
#include <queue>

#include "octet/base/error.h"

namespace octet {
namespace {

std::size_t index_of(ValueId id) { return static_cast<std::size_t>(id); }

/// `base`, or `base_k` for a k such that base_1 ... base_(k-1) are probably taken. Searched by
/// doubling and halving: a file of 200,000 unnamed nodes asks for as many names.
template <typename Id>
std::string free_name(const std::map<std::string, Id>& names, const std::string& base) {
  if (!names.contains(base)) return base;
  const auto candidate = [&](std::size_t suffix) { return base + '_' + std::to_string(suffix); };
  std::size_t taken = 0, free = 1;
  while (names.contains(candidate(free))) {
    taken = free;
    free *= 2;
  }
  while (free - taken > 1) {
    const std::size_t middle = taken + (free - taken) / 2;
    (names.contains(candidate(middle)) ? taken : free) = middle;
  }
  return candidate(free);
}

}  // namespace

ValueId Graph::add_value(std::string value_name, DType dtype, Shape shape) {
  const ValueId id{static_cast<std::uint32_t>(values_.size())};
  if (!value_names_.emplace(value_name, id).second) {
    fail(ErrorKind::kBadData, "graph '", name, "': value '", value_name,
         "' is defined twice, accepted: one definition per name");
  }
  values_.push_back({std::move(value_name), dtype, std::move(shape), std::nullopt, {}});
  return id;
}

ValueId Graph::add_input(std::string value_name, DType dtype, Shape shape) {
  const ValueId id = add_value(std::move(value_name), dtype, std::move(shape));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  const ValueId id = add_value(std::move(value_name), tensor.dtype(), tensor.shape());
  value(id).constant = std::move(tensor);
  return id;
}

NodeId Graph::add_node(std::string node_name, Op op, std::vector<std::optional<ValueId>> inputs,
                       std::vector<ValueId> outputs) {
  const auto require_known = [&](ValueId id) {
    if (index_of(id) >= values_.size()) {
      fail(ErrorKind::kInternal, "node '", node_name, "': value id ", index_of(id), " of ",
           values_.size(), " values");
    }
  };
  for (const std::optional<ValueId>& input : inputs) {
    if (input) require_known(*input);
  }
  std::ranges::for_each(outputs, require_known);
  const NodeId id{static_cast<std::uint32_t>(nodes_.size())};
  std::string unique = free_name(node_names_, node_name);
  node_names_.emplace(unique, id);
  nodes_.push_back({std::move(unique), std::move(op), std::move(inputs), std::move(outputs)});
  return id;
}

ValueId Graph::add(std::string node_name, Op op, std::vector<std::optional<ValueId>> inputs) {
  const ValueId output = add_value(unique_value_name(node_name));
  add_node(std::move(node_name), std::move(op), std::move(inputs), {output});
  return output;
}

std::string Graph::unique_value_name(const std::string& base) const {
  return free_name(value_names_, base);
}

std::optional<ValueId> Graph::find_value(const std::string& value_name) const {
  const auto found = value_names_.find(value_name);
  if (found == value_names_.end()) return std::nullopt;
  return found->second;
}

std::optional<NodeId> Graph::find_node(const std::string& node_name) const {
  // Passes erase nodes through nodes(), so the index may be stale: trust it only where it agrees.
  const auto found = node_names_.find(node_name);
  if (found != node_names_.end() && static_cast<std::size_t>(found->second) < nodes_.size() &&
      node(found->second).name == node_name) {
    return found->second;
  }
  const auto scanned = std::ranges::find(nodes_, node_name, &Node::name);
  if (scanned == nodes_.end()) return std::nullopt;
  return NodeId{static_cast<std::uint32_t>(scanned - nodes_.begin())};
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& node : nodes_) {
    for (std::optional<ValueId>& input : node.inputs) {
      if (input == from) input = to;
    }
  }
  std::ranges::replace(outputs_, from, to);
}

void Graph::sort() {
  const std::vector<std::optional<NodeId>> producer = producers(*this);
  std::vector<std::vector<std::size_t>> readers(nodes_.size());
  std::vector<std::size_t> waiting_for(nodes_.size(), 0);
  for (std::size_t reader = 0; reader < nodes_.size(); ++reader) {
    for (const std::optional<ValueId>& input : nodes_[reader].inputs) {
      if (!input || !producer[index_of(*input)]) continue;
      readers[static_cast<std::size_t>(*producer[index_of(*input)])].push_back(reader);
      ++waiting_for[reader];
    }
  }
  // The smallest ready index first: a sorted graph keeps its order.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    if (waiting_for[node] == 0) ready.push(node);
  }
  std::vector<std::size_t> order;
  order.reserve(nodes_.size());
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (std::size_t reader : readers[order.back()]) {
      if (--waiting_for[reader] == 0) ready.push(reader);
    }
  }
  if (order.size() < nodes_.size()) {
    // A node that waits reads another that waits; following them backwards ends on the cycle.
    std::vector<bool> seen(nodes_.size(), false);
    std::size_t node = static_cast<std::size_t>(
        std::ranges::find_if(waiting_for, [](std::size_t n) { return n > 0; }) -
        waiting_for.begin());
    while (!seen[node]) {
      seen[node] = true;
      for (const std::optional<ValueId>& input : nodes_[node].inputs) {
        if (!input || !producer[index_of(*input)]) continue;
        const auto before = static_cast<std::size_t>(*producer[index_of(*input)]);
        if (waiting_for[before] == 0) continue;
        node = before;
        break;
      }
    }
    fail(ErrorKind::kBadData, "node '", nodes_[node].name, "' (", op_name(nodes_[node].op),
         "): lies on a cycle, accepted: an acyclic graph");
  }
  std::vector<Node> sorted;
  sorted.reserve(nodes_.size());
  node_names_.clear();
  for (std::size_t node : order) {
    node_names_.emplace(nodes_[node].name, NodeId{static_cast<std::uint32_t>(sorted.size())});
    sorted.push_back(std::move(nodes_[node]));
  }
  nodes_ = std::move(sorted);
}

void Graph::compact() {
  std::vector<bool> used(values_.size(), false);
  for (const Node& node : nodes_) {
    for (const std::optional<ValueId>& input : node.inputs) {
      if (input) used[index_of(*input)] = true;
    }
    for (ValueId output : node.outputs) used[index_of(output)] = true;
  }
  for (ValueId input : inputs_) used[index_of(input)] = true;
  for (ValueId output : outputs_) used[index_of(output)] = true;

  std::vector<ValueId> renumbered(values_.size());
  std::vector<Value> kept;
  value_names_.clear();
  for (std::size_t old = 0; old < values_.size(); ++old) {
    if (!used[old]) continue;
    renumbered[old] = ValueId{static_cast<std::uint32_t>(kept.size())};
    value_names_.emplace(values_[old].name, renumbered[old]);
    kept.push_back(std::move(values_[old]));
  }
  values_ = std::move(kept);

  const auto renumber = [&](ValueId& id) { id = renumbered[index_of(id)]; };
  std::ranges::for_each(inputs_, renumber);
  std::ranges::for_each(outputs_, renumber);
  node_names_.clear();
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    for (std::optional<ValueId>& input : nodes_[node].inputs) {
      if (input) renumber(*input);
    }
    std::ranges::for_each(nodes_[node].outputs, renumber);
    node_names_.emplace(nodes_[node].name, NodeId{static_cast<std::uint32_t>(node)});
  }
}

std::vector<std::optional<NodeId>> producers(const Graph& graph) {
  std::vector<std::optional<NodeId>> result(graph.values().size());
  for (std::size_t node = 0; node < graph.nodes().size(); ++node) {
    for (ValueId output : graph.nodes()[node].outputs) {
      result[index_of(output)] = NodeId{static_cast<std::uint32_t>(node)};
    }
  }
  return result;
}

std::vector<std::vector<NodeId>> consumers(const Graph& graph) {
  std::vector<std::vector<NodeId>> result(graph.values().size());
  for (std::size_t node = 0; node < graph.nodes().size(); ++node) {
    for (const std::optional<ValueId>& input : graph.nodes()[node].inputs) {
      if (input) result[index_of(*input)].push_back(NodeId{static_cast<std::uint32_t>(node)});
    }
  }
  return result;
}

bool is_graph_output(const Graph& graph, ValueId value) {
  return std::ranges::find(graph.outputs(), value) != graph.outputs().end();
}

}  // namespace octet
