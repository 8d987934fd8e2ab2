#include <algorithm>
#include <limits>
#include <set>

#include "octet/graph/functions/conditional.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/graph.h"
#include "octet/graph/quantized_constant.h"

namespace octet {
namespace {

/// The inputs of a node that training updates.
std::vector<std::size_t> parameter_inputs(const Op& op) {
  using Inputs = std::vector<std::size_t>;
  return std::visit(Overloaded{
                        [](const Conv2d&) {
                          return Inputs{1, 2};
                        },
                        [](const Gemm&) {
                          return Inputs{1, 2};
                        },
                        [](const BatchNorm&) {
                          return Inputs{1, 2};
                        },
                        [](const MatMul&) {
                          return Inputs{0, 1};
                        },
                        [](const MatMulInteger&) { return Inputs{1}; },
                        [](const Add&) {
                          return Inputs{0, 1};
                        },  // a MatMul's bias
                        [](const Function& function) {
                          return conv_transpose_of(function) ? Inputs{1, 2} : Inputs{};
                        },
                        [](const auto&) { return Inputs{}; },
                    },
                    op);
}

/// The size of a batch that is baked into the graph, else 1.
std::int64_t static_batch(const Graph& graph) {
  if (graph.inputs().empty()) return 1;
  const Shape& shape = graph.value(graph.inputs()[0]).shape;
  return shape.rank() > 0 && shape[0] > 0 ? shape[0] : 1;
}

std::int64_t elements_at_batch_1(const Value& value) {
  return value.shape.with_batch(1).num_elements();
}

}  // namespace

std::int64_t count_parameters(const Graph& graph) {
  const std::vector<std::optional<NodeId>> producer = producers(graph);
  std::set<ValueId> counted;
  std::int64_t total = 0;
  for (const Node& node : graph.nodes()) {
    for (std::size_t input : parameter_inputs(node.op)) {
      if (input >= node.inputs.size() || !node.inputs[input]) continue;
      ValueId id = *node.inputs[input];
      if (const std::optional<NodeId> source = producer[static_cast<std::size_t>(id)]) {
        const Node& dequantize = graph.node(*source);
        if (!is_quantized_constant(graph, dequantize)) continue;
        id = *dequantize.inputs[0];
      }
      const std::optional<Tensor>& constant = graph.value(id).constant;
      if (!constant || constant->dtype() == DType::kInt64) continue;  // int64: shape arithmetic
      if (counted.insert(id).second) total += constant->num_elements();
    }
    for (const Branch& branch : branches_of(node.op)) total += count_parameters(*branch.graph);
  }
  return total;
}

std::int64_t count_macs(const Graph& graph, const Node& node) {
  const auto shape = [&](std::size_t input) -> const Shape& {
    return graph.value(*node.inputs[input]).shape;
  };
  const auto outputs = [&] { return elements_at_batch_1(graph.value(node.outputs[0])); };
  // Of a sum of a length that only a run knows nothing is counted.
  const auto macs_at_batch = [&](std::initializer_list<std::int64_t> summed) {
    std::int64_t macs_per_output = 1;
    for (const std::int64_t dim : summed) macs_per_output *= std::max<std::int64_t>(dim, 0);
    return outputs() * macs_per_output / static_batch(graph);
  };
  return std::visit(
      Overloaded{
          [&](const Conv2d&) {
            const Shape& weight = shape(1);  // [oc, ic / groups, kh, kw]
            return macs_at_batch({weight[1], weight[2], weight[3]});
          },
          [&](const Function& function) {
            if (conv_transpose_of(function)) {
              // Every input element meets the kernel of every output of its group.
              const std::int64_t elements = elements_at_batch_1(graph.value(*node.inputs[0]));
              const std::int64_t weights = elements_at_batch_1(graph.value(*node.inputs[1]));
              const std::int64_t channels = std::max<std::int64_t>(shape(1)[0], 1);
              return elements * (weights / channels) / static_batch(graph);
            }
            // Of the branches one runs.
            std::int64_t largest = 0;
            for (const Branch& branch : branches_of(node.op)) {
              const std::optional<Graph> typed = typed_branch(graph, node, branch);
              if (typed) largest = std::max(largest, count_macs(*typed));
            }
            return largest;
          },
          [&](const Gemm&) { return macs_at_batch({shape(0)[1]}); },
          [&](const MatMul&) { return macs_at_batch({shape(0)[shape(0).rank() - 1]}); },
          [&](const MatMulInteger&) { return macs_at_batch({shape(0)[shape(0).rank() - 1]}); },
          [](const auto&) { return std::int64_t{0}; },
      },
      node.op);
}

std::int64_t count_macs(const Graph& graph) {
  // Each node counts up to 2^60: a hostile file has more than 2^63 of them.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t total = 0;
  for (const Node& node : graph.nodes()) {
    const std::int64_t macs = count_macs(graph, node);
    total = macs > kMost - total ? kMost : total + macs;
  }
  return total;
}

std::int64_t constant_bytes(const Graph& graph) {
  std::set<ValueId> counted;
  std::int64_t total = 0;
  const auto count = [&](ValueId id) {
    const std::optional<Tensor>& constant = graph.value(id).constant;
    if (constant && counted.insert(id).second) {
      total += static_cast<std::int64_t>(constant->size_bytes());
    }
  };
  for (const Node& node : graph.nodes()) {
    for (const std::optional<ValueId>& input : node.inputs) {
      if (input) count(*input);
    }
    for (const Branch& branch : branches_of(node.op)) total += constant_bytes(*branch.graph);
  }
  for (ValueId output : graph.outputs()) count(output);
  return total;
}

}  // namespace octet
