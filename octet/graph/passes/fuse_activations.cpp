#include <algorithm>

#include "octet/graph/clamp.h"
#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

constexpr Clamp kRelu{0.0f, std::numeric_limits<float>::infinity()};

/// The clamp that equals `first` followed by `second`.
Clamp compose(const Clamp& first, const Clamp& second) {
  return {std::clamp(first.low, second.low, second.high),
          std::clamp(first.high, second.low, second.high)};
}

/// `op` followed by `clamp` as one op; nullopt if `op` cannot carry it.
std::optional<Op> with_clamp(const Op& op, const Clamp& clamp) {
  const auto with_activation = [&](auto fused) {
    fused.activation = compose(fused.activation, clamp);
    return std::optional<Op>(fused);
  };
  const auto as_op = [&](const Clamp& first) {
    const Clamp both = compose(first, clamp);
    return std::optional<Op>(both == kRelu ? Op(Relu{}) : Op(Clip{both}));
  };
  return std::visit(Overloaded{
                        [&](const Conv2d& conv) { return with_activation(conv); },
                        [&](const Gemm& gemm) { return with_activation(gemm); },
                        [&](const Add& add) { return with_activation(add); },
                        [&](const Relu&) { return as_op(kRelu); },
                        [&](const Clip& clip) { return as_op(clip.range); },
                        [](const auto&) { return std::optional<Op>(); },
                    },
                    op);
}

}  // namespace

bool fuse_activations(Graph& graph) {
  std::vector<std::optional<NodeId>> producer = producers(graph);
  const std::vector<std::vector<NodeId>> readers = consumers(graph);
  const auto fuse = [&](const Node& node) {
    const std::optional<Clamp> clamp = as_clamp(node.op);
    if (!clamp) return false;
    const ValueId x = *node.inputs[0];
    const auto index = static_cast<std::size_t>(x);
    if (!producer[index] || readers[index].size() != 1 || is_graph_output(graph, x) ||
        graph.value(x).dtype != DType::kFloat32) {
      return false;
    }
    Node& before = graph.node(*producer[index]);
    std::optional<Op> fused = with_clamp(before.op, *clamp);
    if (!fused) return false;
    before.op = std::move(*fused);
    // The result keeps the name that readers and calibration know: the activation's.
    before.outputs[0] = node.outputs[0];
    producer[static_cast<std::size_t>(node.outputs[0])] = producer[index];
    return true;
  };
  std::vector<bool> fused;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) fused.push_back(fuse(graph.nodes()[i]));
  std::size_t index = 0;
  return std::erase_if(graph.nodes(), [&](const Node&) { return fused[index++]; }) > 0;
}

}  // namespace octet
