#pragma once

#include <optional>

#include "octet/graph/graph.h"

namespace octet {

/// A constant that a DequantizeLinear with constant parameters turns into floats, whichever form
/// the operator has: of the closed set (8 or 32 bits, per tensor or per axis), or a function (4
/// bits or blocks). Such a weight stays as it is stored: constant folding leaves it alone where
/// products read it, and kernels that can read codes do.
struct QuantizedConstant {
  Tensor codes;                      ///< of the file's type; 4 bits packed (nibbles.h)
  Tensor scale;                      ///< one element, one per index of `axis`, or one per block
  std::optional<Tensor> zero_point;  ///< of the scale's shape; absent: 0
  int axis = 0;                      ///< from the front; means nothing for one scale
  std::int64_t block_size = 0;       ///< elements along `axis` that share a scale; 0: no blocks

  bool is_per_tensor() const { return scale.num_elements() == 1 && block_size == 0; }
};

/// What `node` dequantizes, if all of its inputs are constants; nullopt for every other node. The
/// shapes must have been inferred.
std::optional<QuantizedConstant> quantized_constant(const Graph& graph, const Node& node);
/// Whether `node` is such a one.
bool is_quantized_constant(const Graph& graph, const Node& node);

/// The floats, as the definition of DequantizeLinear gives them.
Tensor dequantize(const QuantizedConstant& constant);

}  // namespace octet
