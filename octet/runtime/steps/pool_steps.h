#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// MaxPool, AveragePool and GlobalAveragePool; `integer` is null for the float version.
void lower_pool(PlanBuilder& builder, const Node& node, const IntegerNode* integer);

}  // namespace octet
