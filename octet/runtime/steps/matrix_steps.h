#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// MatMul of two tensors of codes: exact sums of (a - a_zero) * (b - b_zero), requantized.
void lower_product_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer);

}  // namespace octet
