#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// Elementwise nodes that together are a function of one tensor, such as the Div, Erf, Add, Mul and
/// Mul of a Gelu: beside each other and the source they read constants of one element only.
struct UnaryRegion {
  std::vector<ValueId> sources;  ///< the values that are read; one, or several of one key
  std::vector<NodeId> nodes;     ///< in execution order; only the last one's output leaves
};

/// What makes two values the same source (nullopt: the value cannot be one).
using SourceKey = std::function<std::optional<ValueId>(ValueId)>;

/// Finds such regions in a graph that does not change meanwhile.
class UnaryRegionFinder {
 public:
  explicit UnaryRegionFinder(const Graph& graph);

  /// The largest region whose last node is `root`; nullopt if there is none.
  std::optional<UnaryRegion> find(NodeId root, const SourceKey& key) const;

 private:
  bool may_join(const Node& node) const;
  bool is_read_outside(ValueId value, const std::vector<NodeId>& region) const;

  const Graph& graph_;
  std::vector<std::optional<NodeId>> producers_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> is_output_;
};

/// Whether the value is a constant of one float.
bool is_float_scalar(const Graph& graph, ValueId value);

}  // namespace octet
