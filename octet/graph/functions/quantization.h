#pragma once

#include <cstdint>
#include <optional>

#include "octet/graph/functions/window.h"
#include "octet/graph/op.h"

// The quantization operators in all their forms: parameters computed at run time, per axis, by
// blocks, of 4 bits. QuantizeLinear and DequantizeLinear of the closed set carry constant
// parameters, and integer kernels are chosen from those.

namespace octet {

struct LinearQuantizationOptions {
  int axis = 1;                 ///< of the scales; may be negative
  std::int64_t block_size = 0;  ///< elements along `axis` that share a scale; 0: no blocks
  DType dtype = DType::kUInt8;  ///< to quantize to, where there is no zero point
  /// Since which opset ONNX has the form: 13, or 21 for blocks, 4 bits and output_dtype.
  int opset = 13;
};

/// x, scale, optional zero point -> integers of the zero point's dtype. The scale is a scalar, a
/// vector along `axis`, or with blocks of x's shape but shorter along `axis`.
Op quantize_function(LinearQuantizationOptions options);
/// integers, scale, optional zero point -> float.
Op dequantize_function(LinearQuantizationOptions options);

/// The options of a DequantizeLinear that is a function; null if the op is none.
const LinearQuantizationOptions* dequantize_options(const Op& op);

/// x, w (each int8 or uint8), x's zero point, w's (scalar or one per output channel) -> int32.
Op conv_integer_function(ConvOptions options);
/// x, its scale and zero point, w, its scales and zero points (scalars or one per output channel),
/// y's scale and zero point, optional int32 bias -> y. The sums are exact, the rest is clause 5.
Op qlinear_conv_function(ConvOptions options);
/// a, its scale and zero point (scalars or one per row), b, its own (scalars or one per column),
/// y's scale and zero point -> y. The sums are exact, the rest is clause 5.
Op qlinear_matmul_function();

}  // namespace octet
