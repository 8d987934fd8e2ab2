#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <span>
#include <vector>

#include "octet/graph/graph.h"

// Internal to train/: the Graph on libtorch.

namespace octet {

/// Replaces the tensor of a value as it appears: the input, each constant that a node reads, each
/// node's output. Fake-quantization and observation hang here.
using ValueHook = std::function<at::Tensor(ValueId, const at::Tensor&)>;

/// Executes a float graph with one input. Constants live as tensors on the device and may be
/// trained in place; nothing else changes between calls.
class GraphExecutor {
 public:
  /// Error(kUnsupported) naming the first node that cannot be executed.
  GraphExecutor(const Graph& graph, const at::Device& device);

  const Graph& graph() const { return graph_; }
  const at::Device& device() const { return device_; }
  at::Tensor constant(ValueId id) const { return constants_[static_cast<std::size_t>(id)]; }

  /// The values `requested` for a batch [n, ...] on the device. Records gradients if they are on.
  std::vector<at::Tensor> run(const at::Tensor& input, std::span<const ValueId> requested,
                              bool training, const ValueHook& hook = {}) const;
  /// The first output.
  at::Tensor forward(const at::Tensor& input, bool training, const ValueHook& hook = {}) const;

  /// A copy of the graph with the constants as they are now.
  Graph snapshot() const;

 private:
  Graph graph_;
  at::Device device_;
  std::vector<at::Tensor> constants_;  ///< by value; undefined for the others
  std::vector<std::size_t> last_use_;  ///< by value: the last node that reads it
};

}  // namespace octet
