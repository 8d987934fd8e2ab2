#pragma once

#include <vector>

#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// The float weights of a layer: [outputs][taps][inputs].
struct FloatWeights {
  int outputs = 0, taps = 0, inputs = 0;
  Tensor values;            ///< the graph's own where it has this order
  std::vector<float> bias;  ///< [outputs], zero where the layer has none
};

/// Reads a constant, or dequantizes one. Error(kUnsupported) naming the node if it is computed at
/// run time.
FloatWeights read_float_conv_weights(const PlanBuilder& builder, const Node& node);
/// Gemm and MatMul: weight [n, k] if transpose_b, else [k, n].
FloatWeights read_float_gemm_weights(const PlanBuilder& builder, const Node& node,
                                     bool transpose_b);

/// The constant bias of a layer, one element per output; zeros where it has none.
std::vector<float> read_float_bias(const PlanBuilder& builder, const Node& node, int outputs);

struct PackedFloat {
  BufferId weights{}, bias{};
};
/// Packs outputs [first, first + count).
PackedFloat pack_float(PlanBuilder& builder, const GemmF32Kernel& kernel,
                       const FloatWeights& weights, int first, int count);
/// [taps][outputs], as the depthwise family reads it.
PackedFloat by_tap(PlanBuilder& builder, const FloatWeights& weights);

}  // namespace octet
