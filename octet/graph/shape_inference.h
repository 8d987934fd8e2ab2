#pragma once

#include <functional>

#include "octet/graph/known_elements.h"

namespace octet {

/// Sees each node right after its shapes are inferred; may give its outputs a value.
using NodeVisitor = std::function<void(Node& node, const KnownValues& known)>;

/// What infer_shapes_and_elements does, with a visitor that may make constants of outputs: later
/// nodes whose sizes depend on them are inferred in the same walk. With a walk for each such size
/// a chain of them would take quadratic time.
void infer_shapes_and_visit(Graph& graph, const NodeVisitor& visit);

}  // namespace octet
