#include "octet/train/graph_executor.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/train/graph_ops.h"
#include "octet/train/torch_bridge.h"

namespace octet {
namespace {

/// Images and convolution weights with the channels innermost: on the CPU a training step of
/// small_cnn then takes up to a fifth less time.
at::Tensor arranged(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.dim() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast)
                                              : tensor;
}

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

}  // namespace

GraphExecutor::GraphExecutor(const Graph& graph, const at::Device& device)
    : graph_(graph), device_(device), constants_(graph.values().size()) {
  if (graph_.inputs().size() != 1 || graph_.outputs().empty()) {
    fail(ErrorKind::kUnsupported, "train: graph '", graph_.name, "' has ", graph_.inputs().size(),
         " inputs and ", graph_.outputs().size(), " outputs, accepted: 1 input, 1 or more outputs");
  }
  infer_shapes(graph_);
  last_use_.assign(graph_.values().size(), 0);
  for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
    const Node& node = graph_.nodes()[i];
    require_evaluable(node);
    for (const std::optional<ValueId>& input : node.inputs) {
      if (input) last_use_[index(*input)] = i;
    }
  }
  for (std::size_t i = 0; i < constants_.size(); ++i) {
    const Value& value = graph_.values()[i];
    if (value.constant) constants_[i] = arranged(to_torch(*value.constant, device_));
  }
}

std::vector<at::Tensor> GraphExecutor::run(const at::Tensor& input,
                                           std::span<const ValueId> requested, bool training,
                                           const ValueHook& hook) const {
  const auto hooked = [&](ValueId id, at::Tensor tensor) {
    return hook ? hook(id, tensor) : std::move(tensor);
  };
  std::vector<at::Tensor> values(graph_.values().size());
  std::vector<bool> keep(values.size(), false);
  for (const ValueId id : requested) keep[index(id)] = true;
  values[index(graph_.inputs()[0])] = hooked(graph_.inputs()[0], arranged(input));

  const std::vector<Node>& nodes = graph_.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::vector<at::Tensor> inputs;
    for (const std::optional<ValueId>& id : nodes[i].inputs) {
      if (id && !values[index(*id)].defined()) {
        values[index(*id)] = hooked(*id, constants_[index(*id)]);
      }
      inputs.push_back(id ? values[index(*id)] : at::Tensor());
    }
    const ValueId output = nodes[i].outputs[0];
    values[index(output)] = hooked(output, evaluate_node(graph_, nodes[i], inputs, training));
    for (const std::optional<ValueId>& id : nodes[i].inputs) {
      if (id && last_use_[index(*id)] == i && !keep[index(*id)]) values[index(*id)].reset();
    }
  }

  std::vector<at::Tensor> results;
  for (const ValueId id : requested) {
    const at::Tensor& value = values[index(id)];
    results.push_back(value.defined() ? value : hooked(id, constants_[index(id)]));
  }
  return results;
}

at::Tensor GraphExecutor::forward(const at::Tensor& input, bool training,
                                  const ValueHook& hook) const {
  const ValueId output = graph_.outputs()[0];
  return run(input, std::span(&output, 1), training, hook)[0];
}

Graph GraphExecutor::snapshot() const {
  Graph result = graph_;
  for (std::size_t i = 0; i < constants_.size(); ++i) {
    if (constants_[i].defined()) {
      result.value(static_cast<ValueId>(i)).constant = from_torch(constants_[i]);
    }
  }
  return result;
}

}  // namespace octet
