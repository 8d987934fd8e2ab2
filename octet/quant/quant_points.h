#pragma once

#include <vector>

#include "octet/graph/graph.h"
#include "octet/quant/integer_roles.h"

namespace octet {

/// For every value (indexed by id), the value whose quantization parameters it has: itself, or
/// through nodes of role kCarry the value where its codes come from.
std::vector<ValueId> code_sources(const Graph& graph);

/// Error(kBadData) naming the first node that says that the model is quantized already.
void require_float_graph(const Graph& graph);

/// The axis of a kCompute node's weight that is its output channel.
int output_channel_axis(const Node& node);

}  // namespace octet
