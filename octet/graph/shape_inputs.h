#pragma once

#include <optional>

#include "octet/graph/known_elements.h"

// The inputs of an op that only describe a shape: Reshape's target, Slice's bounds, Pad's amounts,
// the axes of Squeeze and Unsqueeze.

namespace octet {

/// `node.op` with its shape inputs moved into the struct: only the inputs before data_inputs()
/// remain. The op itself where it has no such input. nullopt if one of them is known only at run
/// time, as far as the op could not say it otherwise ("the whole axis", "whatever is left").
std::optional<Op> move_shape_inputs(const Graph& graph, const Node& node, const KnownValues& known);
/// How many inputs stay after move_shape_inputs.
std::size_t data_inputs(const Node& node);
/// Whether the node still has inputs that only describe a shape.
bool has_shape_inputs(const Node& node);

/// The output shape of a node for which move_shape_inputs has no answer: the rank is known, and the
/// dimensions that the missing elements do not touch.
/// Error(kUnsupported) if not even the rank is known.
Shape shape_before_run(const Graph& graph, const Node& node, const KnownValues& known);

}  // namespace octet
