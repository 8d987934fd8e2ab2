#pragma once

#include <map>
#include <set>
#include <vector>

#include "octet/quant/quant_assignment.h"
#include "octet/train/fake_quant.h"
#include "octet/train/graph_executor.h"
#include "octet/train/qat.h"

// Internal to train/: the float graph with every weight and activation point fake-quantized.

namespace octet {

class FakeQuantNetwork {
 public:
  /// `graph` has gone through inference_passes; `ranges` holds every activation point.
  FakeQuantNetwork(const Graph& graph, const QuantSpec& spec,
                   const std::map<ValueId, Range>& ranges, float averaging,
                   const at::Device& device);

  /// Logits. Parameters come from the weights and ranges as they are at the call; `observe` then
  /// moves the ranges towards this batch's. Batch norm that could not be folded keeps its
  /// statistics.
  at::Tensor forward(const at::Tensor& batch, bool observe);

  const GraphExecutor& executor() const { return executor_; }
  /// One [min, max] per activation point, in execution order.
  std::vector<at::Tensor> observers() const;
  std::map<ValueId, Range> ranges() const;

 private:
  at::Tensor on_value(ValueId id, const at::Tensor& tensor, bool observe);
  void observe_batch(ValueId id, const at::Tensor& tensor);
  void require_all_quantized() const;

  GraphExecutor executor_;
  Graph current_;  ///< the graph with the weights of this step, from which parameters are chosen
  QuantSpec spec_;
  float averaging_;
  std::vector<ValueId> activations_;
  std::vector<ValueId> weights_;
  std::map<ValueId, at::Tensor> observers_;
  QuantAssignment assignment_;   ///< of this step
  std::set<ValueId> quantized_;  ///< what this step's forward really fake-quantized
};

}  // namespace octet
