#pragma once

#include <map>
#include <span>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/runtime/plan.h"

namespace octet {

/// A network that takes tensors of any shape its inputs allow: dynamic batches, sequence lengths,
/// shapes given as data. It compiles a Plan for each combination that it meets and keeps it.
/// For one caller at a time, as a Plan.
class Session {
 public:
  explicit Session(Graph graph, CompileOptions options = {});

  /// The outputs for these inputs, in the order of the graph's. Error(kBadData) if dtypes or shapes
  /// do not fit or the data leave a result undefined; whatever compile() may throw.
  std::vector<Tensor> run(std::span<const Tensor> inputs);

 private:
  Graph graph_;
  CompileOptions options_;
};

}  // namespace octet
