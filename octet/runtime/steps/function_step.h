#pragma once

#include "octet/graph/tensor_function.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// Runs `node` by the definition of its operator, on elements of the graph's own dtypes.
void lower_function(PlanBuilder& builder, const Node& node,
                    std::shared_ptr<const TensorFunction> function);

}  // namespace octet
