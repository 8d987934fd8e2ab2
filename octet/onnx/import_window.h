#pragma once

#include <optional>

#include "octet/graph/functions/window.h"
#include "octet/onnx/node_reader.h"

namespace octet {

/// The attributes of an operator with a window, and how many spatial axes it has, as far as that is
/// known before shapes are inferred.
struct ReadWindow {
  WindowOptions options;
  std::optional<int> rank;
};

/// Reads kernel_shape, strides, pads, auto_pad and, if the operator has them in its opset,
/// dilations. `weight` is the input that holds the weights, -1 of a pool. Error(kBadData) for sizes
/// that contradict each other.
ReadWindow read_window(NodeReader& node, int weight, bool has_dilations = true);
/// Those and `group`, of Conv, ConvInteger and QLinearConv.
ConvOptions read_conv(NodeReader& node, int weight, std::optional<int>* rank);
/// The same as an op of the closed set, for one or two spatial axes: a single axis becomes the
/// second. REQUIRES a padding that does not depend on the input's size.
Conv2d conv2d_of(const ConvOptions& options, int rank);

}  // namespace octet
