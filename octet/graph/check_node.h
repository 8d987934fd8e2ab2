#pragma once

#include "octet/graph/graph.h"

namespace octet {

/// The part of `verify` that looks at one node: arity, attribute ranges, dtypes of its inputs.
/// Shapes are infer_shapes' business. Error(kBadData) naming the node.
void check_node(const Graph& graph, const Node& node);

/// The part of check_node that looks at the ranges of attributes: those of `op`, which may be the
/// node's with shape inputs moved into it.
void check_attributes(const Graph& graph, const Node& node, const Op& op);

/// The part of `verify` that looks at the whole: ids in range, unique names, one producer per
/// value, topological order. infer_shapes needs it too, because it walks what it was given.
void check_structure(const Graph& graph);

}  // namespace octet
