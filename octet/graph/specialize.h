#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/graph/passes/passes.h"

namespace octet {

/// The graph for inputs of these shapes, by name, in which these values, by name, are constants: an
/// input that is one leaves the graph's inputs, the node that produced one is left out if nothing
/// else needs it. Shapes are inferred again and constants folded until nothing more comes to be
/// known. Outputs keep their order, an output that is given a value may get another name.
/// Error(kUsage) for a name that the graph does not know, Error(kBadData) where a shape or a tensor
/// contradicts the graph.
Graph specialize(const Graph& graph, const std::map<std::string, Shape>& shapes,
                 const std::map<std::string, Tensor>& values = {}, const FoldLimits& limits = {});

/// Runs the import passes and inlines decided branches until nothing more comes to be known. The
/// branches that are left have their normal form (normalize_branches).
void settle(Graph& graph, const FoldLimits& limits = {});

/// The inputs of a node whose elements may be what it waits for.
std::vector<ValueId> deciding_inputs(const Node& node);

/// Whether a size of the node's outputs, or an input that describes one, is known only at run time
/// although the shapes of its inputs are known: a node that waits for elements. So is a
/// conditional.
bool waits_for_elements(const Graph& graph, const Node& node);

/// Names of the inputs of at most kMaxKnownElements elements, all of these dtypes, from which the
/// elements come that nodes wait for (waits_for_elements).
std::vector<std::string> inputs_that_decide(const Graph& graph, bool integers_only);

}  // namespace octet
