#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

bool does_nothing(const Graph& graph, const Node& node) {
  return std::visit(
      Overloaded{
          [](const Identity&) { return true; },
          [](const Clip& clip) { return clip.range.is_identity(); },
          [&](const Cast& cast) { return graph.value(*node.inputs[0]).dtype == cast.to; },
          [](const auto&) { return false; },
      },
      node.op);
}

/// For every value the one to use instead; itself at first.
using Aliases = std::vector<ValueId>;

Aliases no_aliases(const Graph& graph) {
  Aliases aliases;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    aliases.push_back(ValueId{static_cast<std::uint32_t>(i)});
  }
  return aliases;
}

void replace_values(const Aliases& aliases, Node& node) {
  for (std::optional<ValueId>& input : node.inputs) {
    if (input) input = aliases[static_cast<std::size_t>(*input)];
  }
  for (ValueId& output : node.outputs) output = aliases[static_cast<std::size_t>(output)];
}

}  // namespace

bool remove_identities(Graph& graph) {
  const std::vector<std::optional<NodeId>> producer = producers(graph);
  std::vector<bool> is_output(graph.values().size(), false);
  for (const ValueId id : graph.outputs()) is_output[static_cast<std::size_t>(id)] = true;
  Aliases forward = no_aliases(graph);  // a removed node's output reads its input
  Aliases rename = no_aliases(graph);   // what a removed node made a graph output takes that name
  const auto removable = [&](const Node& node) {
    if (!does_nothing(graph, node)) return false;
    const ValueId from = *node.inputs[0], to = node.outputs[0];
    if (!is_output[static_cast<std::size_t>(to)]) {
      forward[static_cast<std::size_t>(to)] = from;
      return true;
    }
    // Inputs, constants and other outputs of the graph must keep their own name.
    ValueId& renamed = rename[static_cast<std::size_t>(from)];
    if (!producer[static_cast<std::size_t>(from)] || is_output[static_cast<std::size_t>(from)] ||
        renamed != from) {
      return false;
    }
    renamed = to;
    return true;
  };
  std::vector<Node> kept;
  for (Node& node : graph.nodes()) {
    replace_values(forward, node);
    if (!removable(node)) kept.push_back(std::move(node));
  }
  const bool changed = kept.size() < graph.nodes().size();
  for (Node& node : kept) replace_values(rename, node);
  graph.nodes() = std::move(kept);
  return changed;
}

}  // namespace octet
