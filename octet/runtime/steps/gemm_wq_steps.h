#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// Lowers a Gemm or MatMul of float rows with a constant weight of 4 or 8-bit codes to the
/// gemm_f32_wq family, which keeps the codes packed. Returns false, with nothing done, for every
/// other node, and for scales that change along the depth elsewhere than at multiples of
/// kWqBlockStep: those weights become floats when the graph is compiled.
bool lower_gemm_wq(PlanBuilder& builder, const Node& node);

}  // namespace octet
