#include "octet/runtime/session.h"

#include "octet/base/error.h"

namespace octet {

Session::Session(Graph graph, CompileOptions options)
    : graph_(std::move(graph)), options_(options) {}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) {
  if (inputs.size() != graph_.inputs().size()) {
    fail(ErrorKind::kBadData, "run: ", inputs.size(), " inputs, accepted: ",
         graph_.inputs().size());
  }
  Graph concrete = graph_;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    concrete.value(concrete.inputs()[i]).shape = inputs[i].shape();
  }
  Plan plan = compile(concrete, options_);
  std::vector<const void*> in;
  for (const Tensor& input : inputs) in.push_back(input.raw());
  std::vector<Tensor> results;
  for (const PlanTensor& output : plan.outputs()) results.emplace_back(output.dtype, output.shape);
  std::vector<void*> out;
  for (Tensor& result : results) out.push_back(result.mutable_raw());
  plan.run(in, out, 1);
  if (const std::string* node = plan.undefined_node()) {
    fail(ErrorKind::kBadData, "run: node '", *node, "': its result is not defined for these data");
  }
  return results;
}

}  // namespace octet
