#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// Whether the float kernels of Add and Mul can broadcast the node's inputs: one that is stored
/// channels-last beside one that is not must be a constant.
bool has_eltwise_kernel(const Graph& graph, const Node& node);
/// Add and Mul with numpy broadcasting; `integer` is null for the float version, which REQUIRES
/// has_eltwise_kernel.
void lower_eltwise(PlanBuilder& builder, const Node& node, const IntegerNode* integer);
/// Relu, Clip, Sigmoid, Tanh, HardSigmoid, HardSwish and Softmax in float.
void lower_float_activation(PlanBuilder& builder, const Node& node);
/// Whether lower_float_activation can: a Softmax runs over the axis that is innermost in memory.
bool has_float_softmax(const PlanBuilder& builder, const Node& node);

}  // namespace octet
