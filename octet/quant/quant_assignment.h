#pragma once

#include <map>

#include "octet/graph/graph.h"
#include "octet/quant/quant_spec.h"

namespace octet {

/// The range of values a tensor took. Always contains 0 once turned into QuantParams.
struct Range {
  float min = 0.0f;
  float max = 0.0f;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Which values of a float graph become integers, and how. Keys are ids of that graph.
/// The graph must have gone through inference_passes (batch norm folded, activations fused).
struct QuantAssignment {
  /// Per tensor, uint8 codes (bits may be < 8); of constants too, those of constant_points.
  std::map<ValueId, QuantParams> activations;
  /// Constants; int8, per tensor or along the output channels: axis 0, or axis 1 of a
  /// weight [k, n] and of a ConvTranspose's.
  std::map<ValueId, TensorQuantParams> weights;
  std::map<ValueId, int> weight_bits;  ///< of each entry of `weights`
  int floored_scales = 0;  ///< scales that assign() had to raise to FLT_MIN (numerics clause 3)
};

/// The values that a static configuration quantizes, in execution order: the inputs and outputs of
/// every node that can run on integers (integer_roles.h). Values that only carry another value's
/// integers (the output of MaxPool, Reshape, Split, Transpose) are not listed: they share their
/// producer's parameters.
std::vector<ValueId> activation_points(const Graph& graph);
/// The constants that a configuration quantizes: weights of layers, in execution order.
std::vector<ValueId> weight_points(const Graph& graph);
/// The constants that become codes as activations do, because an Add, Mul or Concat reads them
/// beside activations.
std::vector<ValueId> constant_points(const Graph& graph);

/// Numerics clause 3. Asymmetric unsigned parameters of `bits` for a range (0 is included first).
/// An empty range gives scale 1, zero point 0. Error(kBadData) if the range is not finite.
QuantParams choose_activation_params(Range range, const QuantSpec& spec);
/// The bits of quantized weights: spec.weight_bits, at most 7 under reduce_range.
int effective_weight_bits(const QuantSpec& spec);
/// Symmetric parameters of a float weight, per output channel (`axis`; 1 for a Gemm weight [k, n])
/// or per tensor; an all-zero channel has scale 1 (torch_compat: PyTorch's smallest scale).
/// Error(kBadData) naming the first non-finite element.
TensorQuantParams choose_weight_params(const Tensor& weight, const QuantSpec& spec, int axis = 0);
/// The integers of a weight under `params`, clamped to the symmetric range of `bits`
/// ([-(2^(bits-1)-1), 2^(bits-1)-1]; torch_compat: [-2^(bits-1), 2^(bits-1)-1]).
Tensor quantize_weight(const Tensor& weight, const TensorQuantParams& params, int bits,
                       bool torch_compat);

/// Ranges seen in calibration -> the assignment of a static configuration.
QuantAssignment assign(const Graph& graph, const std::map<ValueId, Range>& ranges,
                       const QuantSpec& spec);

/// The quantized graph in QDQ form: weights are int8 constants behind DequantizeLinear, biases
/// int32 constants with scale = activation scale x weight scale, activations pass through a
/// QuantizeLinear / DequantizeLinear pair with one DequantizeLinear per consumer. An activation of
/// fewer than 8 bits is clamped in float first (fused into its producer where that is possible).
/// Where an int32 bias would saturate, the weight scale is raised (numerics clause 3); the number
/// of such channels is returned in `raised_scales` if given.
Graph insert_qdq(const Graph& graph, const QuantAssignment& assignment, const QuantSpec& spec,
                 int* raised_scales = nullptr);

/// The dynamic configuration: every Gemm with a constant weight becomes DynamicQuantizeLinear,
/// MatMulInteger, Cast, Mul and Add. Convolutions stay float. Weights are per output channel if
/// spec.per_channel, per tensor under torch_compat. `converted`: how many layers became integer.
Graph insert_dynamic_quantization(const Graph& graph, const QuantSpec& spec,
                                  int* converted = nullptr);

}  // namespace octet
