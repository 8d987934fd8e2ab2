#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/graph/op.h"

// Sliding windows over one to three spatial axes by definition. Two-dimensional float windows with
// constant weights are Conv2d, MaxPool and AveragePool of the closed set, which have fast kernels.

namespace octet {

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

/// One entry per spatial axis (`pads`: the begins, then the ends); an empty list is ONNX's default.
struct WindowOptions {
  std::vector<std::int64_t> kernel, stride, dilation, pads;
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;
};

struct ConvOptions {
  WindowOptions window;
  std::int64_t groups = 1;
  Clamp activation;  ///< only of a Conv2d; ONNX's operator has none
};

struct ConvTransposeOptions {
  WindowOptions window;
  std::int64_t groups = 1;
  std::vector<std::int64_t> output_padding;
  std::vector<std::int64_t> output_shape;  ///< of the spatial axes; empty: follows from the pads
};

/// Inputs x [n, c, ...], weight [oc, c / groups, ...], optional bias [oc].
Op conv_function(ConvOptions options);
/// Inputs x [n, c, ...], weight [c, oc / groups, ...], optional bias [oc].
Op conv_transpose_function(ConvTransposeOptions options);
/// Null if the op is none.
const ConvTransposeOptions* conv_transpose_of(const Op& op);
/// Also of int8 and uint8. Output 1, if the node has it, holds the places of the largest elements
/// in the whole input; with `column_major` the first spatial axis runs fastest in them. A window
/// that lies in the padding gives the smallest value of the dtype and place -1.
Op max_pool_function(WindowOptions window, bool column_major);
/// A window that lies in the padding gives 0.
Op average_pool_function(WindowOptions window, bool count_include_pad);

}  // namespace octet
