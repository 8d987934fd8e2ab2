#pragma once

#include <optional>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// Shapes, pads and bounds are short; a larger tensor is no shape.
inline constexpr std::int64_t kMaxKnownElements = 256;

/// What is known of an element before the run.
enum class Symbol : std::uint8_t { kNumber = 0, kBatch = 1, kUnknown = 2 };

/// The elements of a small tensor as far as they are known without running the network: each is a
/// number, the batch size or unknown. So Concat(Gather(Shape(x), 0), [-1]) is [batch, -1].
struct KnownElements {
  Tensor value;    ///< 0 where no number is known
  Tensor symbols;  ///< uint8, the Symbol of each element

  bool is_constant() const;
  Symbol symbol_at(std::size_t index) const;
  /// An element as int64, nullopt unless it is a number. REQUIRES an int64 or int32 tensor.
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

/// What infer_shapes does; also returns what it found out about elements.
KnownValues infer_shapes_and_elements(Graph& graph);

}  // namespace octet
