#include "octet/graph/known_elements.h"

#include <algorithm>
#include <limits>

#include "octet/graph/evaluate.h"
#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();

class ShapeInputs {
 public:
  ShapeInputs(const Graph& graph, const Node& node, const KnownValues& known)
      : graph_(graph), node_(node), known_(known) {}

  bool has(std::size_t input) const { return input < node_.inputs.size() && node_.inputs[input]; }

  const Shape& data_shape() const { return graph_.value(*node_.inputs[0]).shape; }

  const KnownElements& elements(std::size_t input) const {
    const ValueId id = *node_.inputs[input];
    const std::optional<KnownElements>& found = known_[static_cast<std::size_t>(id)];
    if (!found) {
      fail_node(ErrorKind::kUnsupported, node_, "input '", graph_.value(id).name,
                "' is computed at run time, accepted: a constant or arithmetic on shapes");
    }
    return *found;
  }

  /// The input as numbers; the batch is refused.
  std::vector<std::int64_t> integers(std::size_t input) const {
    const KnownElements& known = elements(input);
    std::vector<std::int64_t> result;
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (!known[i]) {
        fail_node(ErrorKind::kUnsupported, node_, "input '",
                  graph_.value(*node_.inputs[input]).name,
                  "' contains the batch size, accepted: numbers");
      }
      result.push_back(*known[i]);
    }
    return result;
  }

  bool is_dynamic(std::int64_t axis) const {
    if (axis < 0) axis += data_shape().rank();
    return axis >= 0 && axis < data_shape().rank() &&
           data_shape()[static_cast<int>(axis)] == kDynamicDim;
  }

  const Node& node() const { return node_; }

 private:
  const Graph& graph_;
  const Node& node_;
  const KnownValues& known_;
};

Reshape reshape_with_target(const ShapeInputs& inputs) {
  const KnownElements& target = inputs.elements(1);
  Reshape reshape;
  for (std::size_t i = 0; i < target.size(); ++i) {
    // The batch in its place is "copy the input's dimension", elsewhere "infer".
    reshape.dims.push_back(
        target[i].value_or(inputs.is_dynamic(static_cast<std::int64_t>(i)) ? 0 : -1));
  }
  return reshape;
}

Slice slice_with_bounds(const ShapeInputs& inputs) {
  Slice slice;
  slice.starts = inputs.integers(1);
  const std::size_t count = slice.starts.size();
  if (inputs.has(3)) {
    slice.axes = inputs.integers(3);
  } else {
    for (std::size_t axis = 0; axis < count; ++axis) {
      slice.axes.push_back(static_cast<std::int64_t>(axis));
    }
  }
  slice.steps = inputs.has(4) ? inputs.integers(4) : std::vector<std::int64_t>(count, 1);
  const KnownElements& ends = inputs.elements(2);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const bool to_the_end = !ends[i] && i < slice.axes.size() && inputs.is_dynamic(slice.axes[i]);
    if (!ends[i] && !to_the_end) {
      fail_node(ErrorKind::kUnsupported, inputs.node(),
                "an end is the batch size, accepted: that only along the batch");
    }
    slice.ends.push_back(ends[i].value_or(kMaxInt64));
  }
  return slice;
}

float scalar_as_float(const Node& node, const Tensor& tensor) {
  if (tensor.num_elements() != 1) {
    fail_node(ErrorKind::kBadData, node, "pad value of ", tensor.num_elements(),
              " elements, accepted: 1");
  }
  const Tensor one[] = {tensor};
  return evaluate(Cast{DType::kFloat32}, one, tensor.shape())->data<float>()[0];
}

Pad pad_with_amounts(const ShapeInputs& inputs) {
  Pad pad;
  pad.pads = inputs.integers(1);
  if (inputs.has(2)) pad.value = scalar_as_float(inputs.node(), inputs.elements(2).value);
  if (!inputs.has(3)) return pad;
  // With axes the amounts are for these axes only.
  const std::vector<std::int64_t> axes = inputs.integers(3);
  const auto rank = static_cast<std::int64_t>(inputs.data_shape().rank());
  if (pad.pads.size() != 2 * axes.size()) {
    fail_node(ErrorKind::kBadData, inputs.node(), pad.pads.size(), " pads for ", axes.size(),
              " axes, accepted: two per axis");
  }
  std::vector<std::int64_t> amounts(static_cast<std::size_t>(2 * rank), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (axis < 0 || axis >= rank) {
      fail_node(ErrorKind::kBadData, inputs.node(), "axis ", axes[i], ", accepted: ", -rank, " to ",
                rank - 1);
    }
    amounts[static_cast<std::size_t>(axis)] = pad.pads[i];
    amounts[static_cast<std::size_t>(axis + rank)] = pad.pads[i + axes.size()];
  }
  pad.pads = std::move(amounts);
  return pad;
}

}  // namespace

bool KnownElements::is_constant() const {
  return std::ranges::none_of(is_batch.data<bool>(), [](bool batch) { return batch; });
}

std::optional<std::int64_t> KnownElements::operator[](std::size_t index) const {
  if (is_batch.data<bool>()[index]) return std::nullopt;
  return value.dtype() == DType::kInt32 ? value.data<std::int32_t>()[index]
                                        : value.data<std::int64_t>()[index];
}

KnownElements known_constant(Tensor tensor) {
  Tensor is_batch(DType::kBool, tensor.shape());
  return {std::move(tensor), std::move(is_batch)};
}

KnownElements known_shape(const Shape& shape) {
  KnownElements known = known_constant(Tensor(DType::kInt64, Shape{shape.rank()}));
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    known.is_batch.mutable_data<bool>()[i] = shape[axis] == kDynamicDim;
    known.value.mutable_data<std::int64_t>()[i] = std::max<std::int64_t>(shape[axis], 0);
  }
  return known;
}

namespace {

std::optional<KnownElements> known_function_output(const Graph& graph, const Node& node,
                                                   const TensorFunction& function,
                                                   const KnownValues& known) {
  std::vector<std::optional<Tensor>> inputs;
  for (const std::optional<ValueId>& id : node.inputs) {
    inputs.emplace_back();
    if (!id) continue;
    const std::optional<KnownElements>& input = known[static_cast<std::size_t>(*id)];
    if (!input || !input->is_constant()) return std::nullopt;
    inputs.back() = input->value;
  }
  const Value& output = graph.value(node.outputs[0]);
  const TensorType type{output.dtype, output.shape};
  auto result = apply(function, inputs, std::span(&type, 1));
  if (!result) return std::nullopt;
  return known_constant(std::move(result->front()));
}

}  // namespace

std::optional<KnownElements> known_output(const Graph& graph, const Node& node, const Op& op,
                                          const KnownValues& known) {
  if (node.outputs.size() != 1) return std::nullopt;
  const Shape& shape = graph.value(node.outputs[0]).shape;
  if (std::holds_alternative<ShapeOf>(op)) {
    return known_shape(graph.value(*node.inputs[0]).shape);
  }
  if (!shape.is_static() || shape.num_elements() > kMaxKnownElements) return std::nullopt;
  if (const auto* function = std::get_if<Function>(&op)) {
    return known_function_output(graph, node, *function->definition, known);
  }

  std::vector<Tensor> values, masks;
  bool constant = true;
  for (std::size_t i = 0; i < data_inputs(node); ++i) {
    if (!node.inputs[i]) return std::nullopt;
    const std::optional<KnownElements>& input = known[static_cast<std::size_t>(*node.inputs[i])];
    if (!input) return std::nullopt;
    const bool is_data = i == 0 || !std::holds_alternative<Gather>(op);
    if (!is_data && !input->is_constant()) return std::nullopt;
    constant = constant && input->is_constant();
    values.push_back(input->value);
    masks.push_back(is_data ? input->is_batch : input->value);
  }
  const bool movable = moves_elements(op) || std::holds_alternative<Gather>(op);
  const bool to_integer =
      std::holds_alternative<Cast>(op) &&
      (std::get<Cast>(op).to == DType::kInt64 || std::get<Cast>(op).to == DType::kInt32);
  if (!constant && !movable && !to_integer) return std::nullopt;

  std::optional<Tensor> value = evaluate(op, values, shape);
  if (!value) return std::nullopt;
  if (constant) return known_constant(std::move(*value));
  // The batch moves with the numbers around it.
  std::optional<Tensor> is_batch = to_integer ? masks[0] : evaluate(op, masks, shape);
  if (!is_batch) return std::nullopt;
  return KnownElements{std::move(*value), std::move(*is_batch)};
}

std::size_t data_inputs(const Node& node) {
  const bool has_shape_inputs =
      std::holds_alternative<Reshape>(node.op) || std::holds_alternative<Slice>(node.op) ||
      std::holds_alternative<Pad>(node.op) || std::holds_alternative<Squeeze>(node.op) ||
      std::holds_alternative<Unsqueeze>(node.op);
  return has_shape_inputs ? 1 : node.inputs.size();
}

Op move_shape_inputs(const Graph& graph, const Node& node, const KnownValues& known) {
  const ShapeInputs inputs(graph, node, known);
  if (!inputs.has(1)) return node.op;
  return std::visit(Overloaded{
                        [&](const Reshape&) -> Op { return reshape_with_target(inputs); },
                        [&](const Slice&) -> Op { return slice_with_bounds(inputs); },
                        [&](const Pad&) -> Op { return pad_with_amounts(inputs); },
                        [&](const Squeeze&) -> Op { return Squeeze{inputs.integers(1)}; },
                        [&](const Unsqueeze&) -> Op { return Unsqueeze{inputs.integers(1)}; },
                        [&](const auto&) -> Op { return node.op; },
                    },
                    node.op);
}

}  // namespace octet
