#include <algorithm>

#include "octet/graph/passes/passes.h"

namespace octet {

bool remove_dead_nodes(Graph& graph) {
  const std::size_t values_before = graph.values().size();
  std::vector<bool> needed(values_before, false);
  for (ValueId output : graph.outputs()) needed[static_cast<std::size_t>(output)] = true;
  const auto is_needed = [&](ValueId id) { return needed[static_cast<std::size_t>(id)]; };

  std::vector<Node>& nodes = graph.nodes();
  std::vector<bool> live(nodes.size(), false);
  for (std::size_t i = nodes.size(); i-- > 0;) {  // readers come after what they read
    live[i] = std::ranges::any_of(nodes[i].outputs, is_needed);
    if (!live[i]) continue;
    for (const std::optional<ValueId>& input : nodes[i].inputs) {
      if (input) needed[static_cast<std::size_t>(*input)] = true;
    }
  }
  std::size_t index = 0;
  const std::size_t removed = std::erase_if(nodes, [&](const Node&) { return !live[index++]; });
  graph.compact();
  return removed > 0 || graph.values().size() < values_before;
}

}  // namespace octet
