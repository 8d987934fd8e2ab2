#pragma once

#include "octet/graph/tensor_function.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// Runs `node` by the definition of its operator, on elements of the graph's own dtypes.
void lower_function(PlanBuilder& builder, const Node& node,
                    std::shared_ptr<const TensorFunction> function);
/// Runs a node that only moves elements by its definition, on the codes of input 0 (clause 6).
void lower_moved_codes(PlanBuilder& builder, const Node& node, const IntegerNode& integer);

}  // namespace octet
