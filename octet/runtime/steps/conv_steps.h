#pragma once

#include "octet/graph/graph.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// Conv2d on integers: indirect GEMM, or the depthwise family where every group has one channel.
void lower_conv_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer);
void lower_conv_f32(PlanBuilder& builder, const Node& node);
/// ConvTranspose of images on integers.
void lower_conv_transpose_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer);
/// Gemm, and MatMul with a constant matrix, of inputs of any rank.
void lower_gemm_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer);
/// Gemm, and MatMul with a constant right side of rank 2.
void lower_gemm_f32(PlanBuilder& builder, const Node& node);
/// Whether lower_gemm_f32 can: rows times a constant matrix, plus a constant bias.
bool has_gemm_f32(const PlanBuilder& builder, const Node& node);

/// If `node` (a MatMulInteger) and its surroundings are a dynamically quantized linear layer:
/// lowers all of it to one step that defines the layer's float output.
bool lower_dynamic_linear(PlanBuilder& builder, const Node& node);
/// Whether only such layers read the outputs of `quantize`, a DynamicQuantizeLinear, so that nobody
/// needs them.
bool only_dynamic_linears_read(const PlanBuilder& builder, const Node& quantize);

}  // namespace octet
