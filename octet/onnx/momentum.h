#pragma once

namespace octet {

/// ONNX's momentum of BatchNormalization from PyTorch's and back: 1 - x, on the shortest decimals
/// that name x. In plain floats 1 - (1 - 0.1f) is not 0.1f, and a model would change with each
/// trip through a file.
float opposite_momentum(float momentum);

}  // namespace octet
