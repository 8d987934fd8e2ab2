#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/graph/graph.h"
#include "octet/runtime/plan.h"

namespace octet::cli {

/// A plan with inputs of its own: standard normal, a few different ones so that no call repeats
/// the last.
class TimedModel {
 public:
  TimedModel(Graph graph, const CompileOptions& options, int batch);
  void run();
  /// Adds the time of each step of the plan.
  void run_timed(std::span<double> seconds_per_layer);
  const std::vector<Tensor>& outputs() const { return outputs_; }
  const Plan& plan() const { return plan_; }

 private:
  std::span<const void* const> next_inputs();

  Plan plan_;
  int batch_;
  std::size_t variant_ = 0;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<const void*> input_pointers_;
  std::vector<void*> output_pointers_;
};

}  // namespace octet::cli
