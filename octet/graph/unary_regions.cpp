#include "octet/graph/unary_regions.h"

#include <algorithm>
#include <set>

#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr std::size_t kMaxNodes = 32;  // the search is quadratic; a Gelu has 5 to 8

}  // namespace

bool is_float_scalar(const Graph& graph, ValueId value) {
  const std::optional<Tensor>& constant = graph.value(value).constant;
  return constant && constant->dtype() == DType::kFloat32 && constant->num_elements() == 1;
}

UnaryRegionFinder::UnaryRegionFinder(const Graph& graph)
    : graph_(graph),
      producers_(producers(graph)),
      readers_(consumers(graph)),
      is_output_(graph.values().size(), false) {
  for (const ValueId output : graph.outputs()) is_output_[static_cast<std::size_t>(output)] = true;
}

bool UnaryRegionFinder::may_join(const Node& node) const {
  if (element_flow(node.op) != ElementFlow::kElementwise || node.outputs.size() != 1) return false;
  const auto is_float = [&](ValueId id) { return graph_.value(id).dtype == DType::kFloat32; };
  const Shape& result = graph_.value(node.outputs[0]).shape;
  return is_float(node.outputs[0]) &&
         std::ranges::all_of(node.inputs, [&](const std::optional<ValueId>& input) {
           if (!input || is_float_scalar(graph_, *input)) return true;
           // What is broadcast would not be a function of one element.
           const Value& value = graph_.value(*input);
           return is_float(*input) && !value.constant && value.shape == result;
         });
}

bool UnaryRegionFinder::is_read_outside(ValueId value, const std::vector<NodeId>& region) const {
  const auto index = static_cast<std::size_t>(value);
  return is_output_[index] || std::ranges::any_of(readers_[index], [&](NodeId reader) {
           return std::ranges::find(region, reader) == region.end();
         });
}

std::optional<UnaryRegion> UnaryRegionFinder::find(NodeId root, const SourceKey& key) const {
  if (!may_join(graph_.node(root))) return std::nullopt;
  std::vector<NodeId> region{root};
  std::optional<UnaryRegion> largest;
  for (;;) {
    std::set<ValueId> inputs;
    for (const NodeId id : region) {
      for (const std::optional<ValueId>& input : graph_.node(id).inputs) {
        if (!input || is_float_scalar(graph_, *input)) continue;
        const auto& producer = producers_[static_cast<std::size_t>(*input)];
        const bool inside = producer && std::ranges::find(region, *producer) != region.end();
        if (!inside) inputs.insert(*input);
      }
    }
    std::set<std::optional<ValueId>> keys;
    for (const ValueId input : inputs) keys.insert(key(input));
    if (keys.size() == 1 && keys.begin()->has_value()) {
      largest = UnaryRegion{{inputs.begin(), inputs.end()}, region};
      std::ranges::sort(largest->nodes);
    }
    // The latest node first: what else reads its output is in the region by then, or never.
    std::optional<NodeId> next;
    for (const ValueId input : inputs) {
      const auto& producer = producers_[static_cast<std::size_t>(input)];
      if (!producer || (next && *producer < *next) || is_read_outside(input, region)) continue;
      if (may_join(graph_.node(*producer))) next = producer;
    }
    if (!next || region.size() == kMaxNodes) return largest;
    region.push_back(*next);
  }
}

}  // namespace octet
