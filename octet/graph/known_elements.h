#pragma once

#include <optional>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// Shapes, pads and bounds are short; a larger tensor is no shape.
inline constexpr std::int64_t kMaxKnownElements = 256;

/// The elements of a small tensor as far as they are known without running the network: each is a
/// number, or the batch size. So Concat(Gather(Shape(x), 0), [-1]) is [batch, -1].
struct KnownElements {
  Tensor value;     ///< 0 where is_batch
  Tensor is_batch;  ///< bool, the shape of `value`

  bool is_constant() const;
  /// An element as int64, nullopt for the batch. REQUIRES an int64 or int32 tensor.
  std::optional<std::int64_t> operator[](std::size_t index) const;
  std::size_t size() const { return static_cast<std::size_t>(value.num_elements()); }
};

/// Indexed by ValueId; nullopt: large, or known only at run time.
using KnownValues = std::vector<std::optional<KnownElements>>;

KnownElements known_constant(Tensor tensor);
/// The elements of a Shape node's output.
KnownElements known_shape(const Shape& shape);
/// The elements of `node`'s output. `op` is node.op with its shape inputs moved into it.
std::optional<KnownElements> known_output(const Graph& graph, const Node& node, const Op& op,
                                          const KnownValues& known);

/// `node.op` with the inputs that only describe a shape (Reshape's target, Slice's bounds, Pad's
/// amounts, the axes of Squeeze and Unsqueeze) moved into the struct: only the inputs before
/// data_inputs() remain. The op itself where it has no such input.
/// Error(kUnsupported) if such an input is known only at run time.
Op move_shape_inputs(const Graph& graph, const Node& node, const KnownValues& known);
/// How many inputs stay after move_shape_inputs.
std::size_t data_inputs(const Node& node);

/// What infer_shapes does; also returns what it found out about elements.
KnownValues infer_shapes_and_elements(Graph& graph);

}  // namespace octet
