#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// A QuantizeLinear of a float value; from NCHW straight to NHWC where the value is a graph input.
/// `input` is what is read: the node's own input, or what a clamp before it read.
void lower_quantize(PlanBuilder& builder, const Node& node, ValueId input, const Clamp& clamp = {});
/// Makes the float view of `integers` available as `value`.
void add_dequantize_step(PlanBuilder& builder, ValueId value, ValueId integers);
/// A function of one code: activations, and requantization from one scale to another.
void lower_table(PlanBuilder& builder, const Node& node, const IntegerNode& integer);
/// Elementwise nodes that are a function of one code together: a table as well.
void lower_code_function(PlanBuilder& builder, const Node& node, const CodeFunction& function);
/// codes under (scale, zero) of `from` -> codes under those of `to`; returns `from` if they agree.
Stored add_requantize_step(PlanBuilder& builder, const Stored& from, float scale,
                           std::int32_t zero_point, const std::string& name);

}  // namespace octet
