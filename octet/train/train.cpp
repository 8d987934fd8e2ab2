#include "octet/train/train.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/train/graph_executor.h"
#include "octet/train/torch_bridge.h"
#include "octet/train/train_setup.h"
#include "octet/train/training_loop.h"

namespace octet {

TrainResult train(const Graph& graph, const DataSplits& data, const TrainOptions& options,
                  const ProgressSink& progress) {
  const bool has_batch_norm =
      std::any_of(graph.nodes().begin(), graph.nodes().end(),
                  [](const Node& node) { return std::holds_alternative<BatchNorm>(node.op); });
  require_valid(options, has_batch_norm);
  const at::Device device = torch_device(options.device);
  const TorchSession session(options.threads, device);
  GraphExecutor executor(graph, device);
  require_fit(executor.graph(), data);

  TrainableNetwork network;
  const TrainableValues values = trainable_values(graph);
  for (const ValueId id : values.parameters) {
    network.parameters.push_back(executor.constant(id).requires_grad_());
  }
  for (const ValueId id : values.statistics) network.state.push_back(executor.constant(id));
  network.forward = [&](const at::Tensor& batch, bool training) {
    return executor.forward(batch, training);
  };
  network.has_batch_norm = has_batch_norm;
  network.device = device;

  const TrainingJob job{data, preprocessing_of(graph, data.train), options,
                        fingerprint_of(graph, data, options), progress};
  LoopResult loop = run_training(network, job);

  TrainResult result;
  result.best = executor.snapshot();
  describe_data(result.best, data.train, job.preprocessing);
  result.best_epoch = loop.best_epoch;
  result.epochs = std::move(loop.epochs);
  result.stopped = loop.stopped;
  return result;
}

}  // namespace octet
