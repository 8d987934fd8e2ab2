#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/graph/op.h"
#include "octet/runtime/integer_nodes.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"
#include "octet/runtime/plan_builder.h"

namespace octet {

/// The integer weights of a layer, ready to be packed: [out][taps][in] with one scale per output.
struct IntegerWeights {
  int outputs = 0, taps = 0, inputs = 0;
  std::vector<std::int8_t> values;  ///< [outputs][taps][inputs]
  std::vector<float> scale;         ///< [outputs]
  std::vector<std::int32_t> bias;   ///< [outputs], zero where the layer has none
  /// Weights beyond int8 (codes less a zero point) are sums of this many int8 weights: `taps` lists
  /// all taps of the window once per summand, and each reads the same activations.
  int summands = 1;
};

/// Reads the weights, their zero points and the bias of a node that integer_layer accepts.
IntegerWeights read_weights(const PlanBuilder& builder, const Node& node,
                            const ActivationCodes& input);

/// Requantization of a layer's sums (numerics clause 5).
struct OutputStage {
  std::vector<float> multiplier;
  std::vector<std::int32_t> bias;  ///< with -input zero point x column sum added
  std::int32_t zero_point = 0, q_low = 0, q_high = 255;
};

/// Folds the input's zero point into the bias and computes the multipliers.
/// Error(kBadData) naming the node if a sum could leave int32 or a multiplier is not finite.
OutputStage make_output_stage(const Node& node, const IntegerWeights& weights,
                              const ActivationCodes& input, const ActivationCodes* output,
                              const Clamp& activation);

/// Codes of the fused clamp under the output's parameters.
std::int32_t clamp_code(float bound, float scale, std::int32_t zero_point);

/// Weights packed for the kernel that was chosen for them.
struct PackedGemm {
  const GemmU8S8Kernel* kernel = nullptr;
  BufferId weights{}, bias{}, multiplier{};
};
/// Packs outputs [first, first + count) of `weights`.
PackedGemm pack_gemm(PlanBuilder& builder, const IntegerWeights& weights, const OutputStage& stage,
                     int first, int count);

/// What a column of a packed panel takes.
inline std::int64_t column_bytes(const GemmU8S8Kernel& kernel, int taps, int channels) {
  return static_cast<std::int64_t>(kernel.packed_bytes(taps, channels, kernel.nr)) / kernel.nr;
}

}  // namespace octet
