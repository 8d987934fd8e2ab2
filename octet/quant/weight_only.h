#pragma once

#include "octet/graph/graph.h"
#include "octet/quant/quant_spec.h"

namespace octet {

/// A matrix of weights [k, n] as codes behind a DequantizeLinear.
struct QuantizedMatrix {
  Tensor codes;  ///< [k, n] of int8, or of int4 for up to 4 bits
  Tensor scale;  ///< [n], or [ceil(k / block_size), n]
};

/// Symmetric, nearest rounding (numerics clause 3): one scale per column, or with spec.block_size
/// per column and block of the depth. Error(kBadData) naming the first non-finite element.
QuantizedMatrix quantize_matrix(const Tensor& weight, const QuantSpec& spec);

/// The weight-only configurations: no activation is quantized, so nothing is calibrated. Gemm, and
/// MatMul by a constant matrix, become MatMul and Add with the weight stored [k, n]: the form that
/// ONNX Runtime turns into MatMulNBits. Convolutions keep theirs, with one scale per output
/// channel. Biases stay float. `converted`: how many layers got integer weights.
Graph insert_weight_only(const Graph& graph, const QuantSpec& spec, int* converted = nullptr);

}  // namespace octet
