#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/graph/graph.h"
#include "octet/quant/quant_assignment.h"

namespace octet {

/// Executes a float graph on libtorch. The torch world stays in execute.cpp.
class FloatModel {
 public:
  explicit FloatModel(const Graph& graph, const std::string& device = "cpu");
  /// The values `requested` for one batch of the graph's input, in evaluation mode.
  std::vector<Tensor> forward(const Tensor& batch, std::span<const ValueId> requested) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// Evaluates the fake-quantized graph exactly (numerics clause 10): accumulations are integers in
/// double precision, every quantized tensor is rounded by clauses 1, 5 and 6. Returns, for each
/// activation point of the assignment, the codes that the integer Plan of insert_qdq(graph, ...)
/// must equal.
std::map<ValueId, Tensor> fake_quant_codes(const Graph& graph, const QuantAssignment& assignment,
                                           const QuantSpec& spec, const Tensor& batch);

}  // namespace octet
