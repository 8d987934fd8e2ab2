#include "octet/train/execute.h"

#include "octet/base/error.h"
#include "octet/train/graph_executor.h"
#include "octet/train/torch_bridge.h"

namespace octet {

struct FloatModel::Impl {
  GraphExecutor executor;
};

FloatModel::FloatModel(const Graph& graph, const std::string& device)
    : impl_(std::make_shared<const Impl>(Impl{GraphExecutor(graph, torch_device(device))})) {}

std::vector<Tensor> FloatModel::forward(const Tensor& batch,
                                        std::span<const ValueId> requested) const {
  const at::NoGradGuard no_grad;
  const at::Tensor input = to_torch(batch, impl_->executor.device());
  std::vector<Tensor> results;
  for (const at::Tensor& value : impl_->executor.run(input, requested, /*training=*/false)) {
    results.push_back(from_torch(value));
  }
  return results;
}

}  // namespace octet
