#include <algorithm>
#include <cfloat>
#include <cmath>

#include "octet/base/error.h"
#include "octet/quant/quant_assignment.h"
#include "octet/quant/quant_points.h"

namespace octet {
namespace {

bool is_average(const Op& op) {
  return std::holds_alternative<AveragePool>(op) || std::holds_alternative<GlobalAveragePool>(op);
}

/// The axis along which each weight is quantized; absent for a constant that two layers read with
/// different output channels: only one scale serves both.
std::map<ValueId, std::optional<int>> weight_axes(const Graph& graph) {
  const IntegerRoles roles(graph);
  std::map<ValueId, std::optional<int>> axes;
  for (const Node& node : graph.nodes()) {
    if (roles.of(node) != IntegerRole::kCompute) continue;
    const int axis = output_channel_axis(node);
    const auto [entry, is_new] = axes.emplace(*node.inputs[1], axis);
    if (!is_new && entry->second != axis) entry->second.reset();
  }
  return axes;
}

Range range_of(const Graph& graph, ValueId constant) {
  Range range;
  for (const float value : graph.value(constant).constant->data<float>()) {
    if (!std::isfinite(value)) {
      fail(ErrorKind::kBadData, "constant '", graph.value(constant).name, "': holds ", value,
           ", accepted: finite numbers");
    }
    range.min = std::min(range.min, value);
    range.max = std::max(range.max, value);
  }
  return range;
}

std::int64_t count_floored(const QuantAssignment& assignment) {
  std::int64_t count = std::ranges::count_if(
      assignment.activations, [](const auto& entry) { return entry.second.scale <= FLT_MIN; });
  for (const auto& [weight, params] : assignment.weights) {
    count += std::ranges::count_if(params.scale, [](float scale) { return scale <= FLT_MIN; });
  }
  return count;
}

}  // namespace

QuantAssignment assign(const Graph& graph, const std::map<ValueId, Range>& ranges,
                       const QuantSpec& spec) {
  QuantAssignment assignment;
  const std::vector<std::optional<NodeId>> producer = producers(graph);
  const std::vector<ValueId> sources = code_sources(graph);
  for (const ValueId point : activation_points(graph)) {
    const std::optional<NodeId> node_id = producer[static_cast<std::size_t>(point)];
    const Node* node = node_id ? &graph.node(*node_id) : nullptr;
    if (node && spec.torch_compat && is_average(node->op)) {
      // PyTorch's quantized average pooling has no observer of its own.
      const ValueId source = sources[static_cast<std::size_t>(*node->inputs[0])];
      assignment.activations[point] = assignment.activations.at(source);
      continue;
    }
    if (node && std::holds_alternative<Softmax>(node->op)) {
      assignment.activations[point] = choose_activation_params({0.0f, 1.0f}, spec);
      continue;
    }
    const auto range = ranges.find(point);
    if (range == ranges.end()) {
      fail(ErrorKind::kBadData, "quantize: value '", graph.value(point).name,
           "' has no calibrated range");
    }
    assignment.activations[point] = choose_activation_params(range->second, spec);
  }
  for (const ValueId constant : constant_points(graph)) {
    assignment.activations[constant] = choose_activation_params(range_of(graph, constant), spec);
  }
  for (const auto& [weight, axis] : weight_axes(graph)) {
    QuantSpec weight_spec = spec;
    weight_spec.per_channel = spec.per_channel && axis;
    try {
      assignment.weights[weight] =
          choose_weight_params(*graph.value(weight).constant, weight_spec, axis.value_or(0));
    } catch (const Error& error) {
      fail(error.kind(), "constant '", graph.value(weight).name, "': ", error.what());
    }
    assignment.weight_bits[weight] = effective_weight_bits(spec);
  }
  assignment.floored_scales = static_cast<int>(count_floored(assignment));
  return assignment;
}

}  // namespace octet
