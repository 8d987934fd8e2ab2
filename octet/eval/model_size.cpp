#include "octet/eval/model_size.h"

#include <set>

namespace octet {

std::map<std::string, std::int64_t> constant_bytes_by_dtype(const Graph& graph) {
  std::set<ValueId> used(graph.outputs().begin(), graph.outputs().end());
  for (const Node& node : graph.nodes()) {
    for (const std::optional<ValueId>& input : node.inputs) {
      if (input) used.insert(*input);
    }
  }
  std::map<std::string, std::int64_t> bytes;
  for (const ValueId id : used) {
    const std::optional<Tensor>& constant = graph.value(id).constant;
    if (!constant) continue;
    bytes[std::string(to_string(constant->dtype()))] +=
        static_cast<std::int64_t>(constant->size_bytes());
  }
  return bytes;
}

}  // namespace octet
