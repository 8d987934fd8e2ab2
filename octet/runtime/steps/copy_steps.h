#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

// Steps that move elements without computing: layout changes, Concat, Slice, Pad, Transpose.

namespace octet {

/// Brings a graph input into the runtime's layout and makes it available.
void add_input_step(PlanBuilder& builder, ValueId value);
/// The caller's tensor as it is, without a layout change.
BufferId external_input(PlanBuilder& builder, ValueId value);
/// Writes a value to the caller's tensor where its producer could not do so.
void add_output_step(PlanBuilder& builder, ValueId value, std::size_t output_index);
/// A copy of uint8 codes with the sign bit turned: the int8 numbers that they stand for.
Stored add_moved_codes(PlanBuilder& builder, const Stored& codes, const std::string& name);
/// uint8 codes, channels-last, of row-major int8 numbers of a graph's shape.
Stored add_codes_of_int8(PlanBuilder& builder, BufferId source, const Shape& shape,
                         const std::string& name);
/// A float constant in the runtime's layout.
Stored store_float_constant(PlanBuilder& builder, const Tensor& tensor);
/// A constant of uint8 or int8 codes in the runtime's layout: uint8.
Stored store_code_constant(PlanBuilder& builder, const Tensor& tensor);
/// The bytes in the graph's order, as a flat [outer, rest] tensor; `stored` where they are anyway.
Stored to_graph_order(PlanBuilder& builder, const Stored& stored, const std::string& name);
/// Fills `to` from bytes in the graph's order.
void add_from_graph_order_step(PlanBuilder& builder, BufferId from, const Stored& to,
                               const std::string& name);

/// Flatten, Reshape, Squeeze, Unsqueeze; an alias where the bytes do not move.
void lower_reshape(PlanBuilder& builder, const Node& node, ValueId input, ValueId output);
void lower_transpose(PlanBuilder& builder, const Node& node, const Transpose& op, ValueId input,
                     ValueId output);
void lower_slice(PlanBuilder& builder, const Node& node, const Slice& op, ValueId input,
                 ValueId output);
void lower_pad(PlanBuilder& builder, const Node& node, const Pad& op, ValueId input,
               ValueId output);
/// Inputs must have the output's quantization (requantized by the caller where they have not).
void lower_concat(PlanBuilder& builder, const Node& node, const Concat& op,
                  const std::vector<Stored>& inputs, ValueId output, float scale,
                  std::int32_t zero_point, DType dtype);

}  // namespace octet
