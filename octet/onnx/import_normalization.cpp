// Softmax and normalizations.

#include <cmath>

#include "octet/graph/functions/normalization.h"
#include "octet/graph/tensor_view.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/momentum.h"

namespace octet {
namespace {

float read_epsilon(NodeReader& node) {
  const float epsilon = node.attributes.get_float("epsilon", 1e-5f);
  if (!std::isfinite(epsilon) || epsilon < 0.0f) {
    node.bad("epsilon = ", epsilon, ", accepted: 0 or more");
  }
  return epsilon;
}

Op softmax_op(bool of_log, int axis) {
  if (of_log) return log_softmax(axis);
  return Softmax{axis};
}

/// Softmax before opset 13 flattens the axes from `axis` on into one. That is today's Softmax where
/// only one of them is longer than 1; else the node gets a Flatten before it and a Reshape after.
void decide_old_softmax(Graph& graph, Node& node, bool of_log, int axis) {
  const ValueId x = *node.inputs[0], y = node.outputs[0];
  const Shape& shape = graph.value(x).shape;
  const int first = axis < 0 ? axis + shape.rank() : axis;
  int longest = shape.rank() - 1;
  int longer_than_one = 0;
  for (int i = std::max(first, 0); i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    longest = i;
    ++longer_than_one;
  }
  if (longer_than_one <= 1) {
    node.op = softmax_op(of_log, longest);
    return;
  }
  const std::string name = node.name;
  const ValueId flat = graph.add_value(graph.unique_value_name(name + "_flat"));
  const ValueId result = graph.add_value(graph.unique_value_name(name + "_flat_output"));
  const ValueId target = graph.add_value(graph.unique_value_name(name + "_shape"));
  node.op = softmax_op(of_log, -1);
  node.inputs[0] = flat;
  node.outputs[0] = result;
  // From here on `node` may be gone: the graph's nodes move.
  graph.add_node(name + "_flatten", Flatten{first}, {x}, {flat});
  graph.add_node(name + "_shape", ShapeOf{}, {x}, {target});
  graph.add_node(name + "_unflatten", Reshape{}, {result, target}, {y});
}

void import_softmax_or_log(NodeReader& node, bool of_log) {
  node.expect_inputs(1, 1);
  const bool flattens = node.opset() < 13;
  const int axis =
      node.attributes.get_int_between("axis", flattens ? 1 : -1, -kMaxViewRank, kMaxViewRank - 1);
  const ValueId output = node.emit(softmax_op(of_log, axis), {node.input(0)});
  if (!flattens) return;
  node.state().deferred.push_back(
      {output, [&graph = node.state().graph, of_log, axis](const Graph&, Node& self) {
         decide_old_softmax(graph, self, of_log, axis);
       }});
}

}  // namespace

void import_softmax(NodeReader& node) { import_softmax_or_log(node, false); }
void import_log_softmax(NodeReader& node) { import_softmax_or_log(node, true); }

void import_batch_norm(NodeReader& node) {
  node.expect_inputs(5, 5);
  const bool is_training = node.opset() >= 14 && node.attributes.get_int("training_mode", 0) != 0;
  if (!is_training) {
    node.expect_outputs(1, "exported in training mode, accepted: a model exported for inference");
  }
  if (node.opset() < 9 && node.attributes.get_int("spatial", 1) != 1) {
    node.unsupported("spatial = 0, accepted: 1");
  }
  const float epsilon = read_epsilon(node);
  const float momentum = node.attributes.get_float("momentum", 0.9f);
  if (!std::isfinite(momentum)) node.bad("momentum = ", momentum, ", accepted: a finite number");
  std::vector<std::optional<ValueId>> inputs;
  for (int i = 0; i < 5; ++i) inputs.emplace_back(node.input(i));
  if (is_training) {
    node.expect_outputs(3, "accepted: the output and two running statistics");
    node.emit_outputs(batch_norm_training({.epsilon = epsilon, .momentum = momentum}),
                      std::move(inputs), node.num_outputs());
    return;
  }
  node.emit(BatchNorm{.epsilon = epsilon, .momentum = opposite_momentum(momentum)},
            std::move(inputs));
}

void import_layer_norm(NodeReader& node) {
  node.expect_inputs(2, 3);
  node.expect_outputs(3, "accepted: the output, the mean and the inverse deviation");
  LayerNorm options;
  options.axis = node.attributes.get_int_between("axis", -1, -kMaxViewRank, kMaxViewRank - 1);
  options.epsilon = read_epsilon(node);
  node.attributes.ignore("stash_type");  // which float the mean is computed in: ours is wider
  std::vector<std::optional<ValueId>> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.emplace_back(node.input(2));
  node.emit_outputs(layer_norm(options), std::move(inputs), std::max(node.num_outputs(), 1));
}

void import_instance_norm(NodeReader& node) {
  node.expect_inputs(3, 3);
  node.emit(instance_norm(read_epsilon(node)), {node.input(0), node.input(1), node.input(2)});
}

void import_group_norm(NodeReader& node) {
  node.expect_inputs(3, 3);
  const std::int64_t groups = node.attributes.require_int("num_groups");
  if (groups < 1) node.bad("num_groups = ", groups, ", accepted: 1 or more");
  const float epsilon = read_epsilon(node);
  const ValueId x = node.input(0), scale = node.input(1), bias = node.input(2);
  if (node.opset() >= 21) {
    node.attributes.ignore("stash_type");
    node.emit(group_norm({.groups = groups, .epsilon = epsilon}), {x, scale, bias});
    return;
  }
  // Scale and bias are per group: each group is a channel of an InstanceNormalization.
  const ValueId grouped = node.emit_step("grouped", Reshape{{0, groups, -1}}, {x});
  const ValueId normal = node.emit_step("normal", instance_norm(epsilon), {grouped, scale, bias});
  const ValueId shape = node.emit_step("shape", ShapeOf{}, {x});
  node.emit(Reshape{}, {normal, shape});
}

void import_lrn(NodeReader& node) {
  node.expect_inputs(1, 1);
  LocalResponseNorm options;
  options.alpha = node.attributes.get_float("alpha", options.alpha);
  options.beta = node.attributes.get_float("beta", options.beta);
  options.bias = node.attributes.get_float("bias", options.bias);
  options.size = node.attributes.require_int("size");
  if (options.size < 1) node.bad("size = ", options.size, ", accepted: 1 or more");
  if (!std::isfinite(options.alpha) || !std::isfinite(options.beta) ||
      !std::isfinite(options.bias)) {
    node.bad("alpha = ", options.alpha, ", beta = ", options.beta, ", bias = ", options.bias,
             ", accepted: finite numbers");
  }
  node.emit(local_response_norm(options), {node.input(0)});
}

void import_mean_variance_norm(NodeReader& node) {
  node.expect_inputs(1, 1);
  const auto axes = node.attributes.find_ints("axes");
  node.emit(mean_variance_norm(axes.value_or(std::vector<std::int64_t>{0, 2, 3})), {node.input(0)});
}

}  // namespace octet
