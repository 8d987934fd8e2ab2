#include "octet/graph/shape_inputs.h"

#include <algorithm>
#include <limits>

#include "octet/graph/evaluate.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();

using Integers = std::vector<std::int64_t>;

class ShapeInputs {
 public:
  ShapeInputs(const Graph& graph, const Node& node, const KnownValues& known)
      : graph_(graph), node_(node), known_(known) {}

  bool has(std::size_t input) const { return input < node_.inputs.size() && node_.inputs[input]; }
  const Shape& shape(std::size_t input) const { return graph_.value(*node_.inputs[input]).shape; }
  const Node& node() const { return node_; }

  /// Null if nothing is known about them.
  const KnownElements* elements(std::size_t input) const {
    const auto& found = known_[static_cast<std::size_t>(*node_.inputs[input])];
    return found ? &*found : nullptr;
  }

  /// The input as numbers; nullopt if one of them is not known.
  std::optional<Integers> integers(std::size_t input) const {
    const KnownElements* known = elements(input);
    if (!known || !known->is_constant()) return std::nullopt;
    Integers result;
    for (std::size_t i = 0; i < known->size(); ++i) result.push_back(*(*known)[i]);
    return result;
  }

  /// Whether element i is the batch and so is that axis of the data.
  bool is_batch_of(const KnownElements& known, std::size_t i, std::int64_t axis) const {
    if (axis < 0) axis += shape(0).rank();
    return known.symbol_at(i) == Symbol::kBatch && axis >= 0 && axis < shape(0).rank() &&
           shape(0)[static_cast<int>(axis)] == kDynamicDim;
  }

  void require_list(std::size_t input) const {
    if (!has(input) || shape(input).rank() <= 1) return;
    fail_node(ErrorKind::kBadData, node_, "input '", name(input), "' ", to_string(shape(input)),
              ", accepted: one dimension");
  }

  /// The length of a one-dimensional input. Error(kUnsupported) if it is not known.
  int length(std::size_t input) const {
    const Shape& dims = shape(input);
    if (!dims.is_static()) {
      fail_node(ErrorKind::kUnsupported, node_, "input '", name(input), "' of shape ",
                to_string(dims), " gives a result of unknown rank, accepted: a known length");
    }
    return static_cast<int>(std::min<std::int64_t>(dims.num_elements(), 65));  // a rank to refuse
  }

 private:
  const std::string& name(std::size_t input) const {
    return graph_.value(*node_.inputs[input]).name;
  }

  const Graph& graph_;
  const Node& node_;
  const KnownValues& known_;
};

std::optional<Op> reshape_with_target(const ShapeInputs& inputs, const Reshape& op) {
  const KnownElements* target = inputs.elements(1);
  if (!target) return std::nullopt;
  Reshape reshape = op;
  reshape.dims.clear();
  int inferred = 0, symbols = 0;
  for (std::size_t i = 0; i < target->size(); ++i) {
    // The batch in its place is "copy the input's dimension"; of the rest one can be inferred.
    const bool copied = inputs.is_batch_of(*target, i, static_cast<std::int64_t>(i));
    const std::optional<std::int64_t> number = (*target)[i];
    if (!number && !copied) ++symbols;
    if (number == -1) ++inferred;
    reshape.dims.push_back(number.value_or(copied ? 0 : -1));
  }
  if (symbols > 0 && symbols + inferred > 1) return std::nullopt;
  return reshape;
}

std::optional<Op> slice_with_bounds(const ShapeInputs& inputs) {
  Slice slice;
  const auto starts = inputs.integers(1);
  const KnownElements* ends = inputs.elements(2);
  if (!starts || !ends) return std::nullopt;
  slice.starts = *starts;
  const std::size_t count = slice.starts.size();
  if (inputs.has(3)) {
    const auto axes = inputs.integers(3);
    if (!axes) return std::nullopt;
    slice.axes = *axes;
  } else {
    for (std::size_t axis = 0; axis < count; ++axis) {
      slice.axes.push_back(static_cast<std::int64_t>(axis));
    }
  }
  slice.steps.assign(count, 1);
  if (inputs.has(4)) {
    const auto steps = inputs.integers(4);
    if (!steps) return std::nullopt;
    slice.steps = *steps;
  }
  for (std::size_t i = 0; i < ends->size(); ++i) {
    const std::optional<std::int64_t> end = (*ends)[i];
    const bool to_the_end =
        !end && i < slice.axes.size() && inputs.is_batch_of(*ends, i, slice.axes[i]);
    if (!end && !to_the_end) return std::nullopt;
    slice.ends.push_back(end.value_or(kMaxInt64));
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

/// The amounts of all axes, where inputs 1 and 3 give those of some.
std::optional<Integers> pad_amounts(const ShapeInputs& inputs) {
  auto pads = inputs.integers(1);
  if (!pads || !inputs.has(3)) return pads;
  const auto axes = inputs.integers(3);
  if (!axes) return std::nullopt;
  const auto rank = static_cast<std::int64_t>(inputs.shape(0).rank());
  if (pads->size() != 2 * axes->size()) {
    fail_node(ErrorKind::kBadData, inputs.node(), pads->size(), " pads for ", axes->size(),
              " axes, accepted: two per axis");
  }
  Integers amounts(static_cast<std::size_t>(2 * rank), 0);
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const std::int64_t axis = (*axes)[i] < 0 ? (*axes)[i] + rank : (*axes)[i];
    if (axis < 0 || axis >= rank) {
      fail_node(ErrorKind::kBadData, inputs.node(), "axis ", (*axes)[i], ", accepted: ", -rank,
                " to ", rank - 1);
    }
    amounts[static_cast<std::size_t>(axis)] = (*pads)[i];
    amounts[static_cast<std::size_t>(axis + rank)] = (*pads)[i + axes->size()];
  }
  return amounts;
}

std::optional<Op> pad_with_amounts(const ShapeInputs& inputs) {
  const auto amounts = pad_amounts(inputs);
  if (!amounts) return std::nullopt;
  Pad pad{*amounts, 0.0f};
  if (inputs.has(2)) {
    const KnownElements* value = inputs.elements(2);
    if (!value || !value->is_constant()) return std::nullopt;
    pad.value = scalar_as_float(inputs.node(), value->value);
  }
  return pad;
}

template <typename OpType>
std::optional<Op> with_axes(const ShapeInputs& inputs) {
  auto axes = inputs.integers(1);
  if (!axes) return std::nullopt;
  return OpType{std::move(*axes)};
}

Shape unknown_of_rank(int rank) {
  return Shape(Integers(static_cast<std::size_t>(rank), kUnknownDim));
}

Shape reshape_before_run(const ShapeInputs& inputs) {
  Shape result = unknown_of_rank(inputs.length(1));
  const KnownElements* target = inputs.elements(1);
  for (int axis = 0; target && axis < result.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const bool copied = (*target)[i] == 0 || inputs.is_batch_of(*target, i, axis);
    if (copied && axis < inputs.shape(0).rank()) {
      result[axis] = inputs.shape(0)[axis];
    } else if (target->symbol_at(i) == Symbol::kBatch) {
      result[axis] = kDynamicDim;
    } else if ((*target)[i].value_or(0) > 0) {
      result[axis] = *(*target)[i];
    }
  }
  return result;
}

Shape slice_before_run(const ShapeInputs& inputs) {
  const auto axes = inputs.has(3) ? inputs.integers(3) : std::nullopt;
  const int rank = inputs.shape(0).rank();
  if (inputs.has(3) && !axes) return unknown_of_rank(rank);
  Shape result = inputs.shape(0);
  const int count = axes ? static_cast<int>(axes->size()) : inputs.length(1);
  for (int i = 0; i < count; ++i) {
    const std::int64_t axis = axes ? (*axes)[static_cast<std::size_t>(i)] : i;
    result[normalized_axis(inputs.node(), axis, rank)] = kUnknownDim;
  }
  return result;
}

Shape pad_before_run(const ShapeInputs& inputs) {
  const auto amounts = pad_amounts(inputs);
  if (!amounts) return unknown_of_rank(inputs.shape(0).rank());
  return pad_shape(inputs.node(), Pad{*amounts, 0.0f}, inputs.shape(0));
}

Shape squeeze_before_run(const ShapeInputs& inputs) {
  const int rank = inputs.shape(0).rank(), dropped = inputs.length(1);
  if (dropped == 0 || dropped > rank) {
    fail_node(dropped == 0 ? ErrorKind::kUnsupported : ErrorKind::kBadData, inputs.node(), dropped,
              " axes of a tensor of rank ", rank, ", accepted: 1 to ", rank);
  }
  return unknown_of_rank(rank - dropped);
}

}  // namespace

std::size_t data_inputs(const Node& node) {
  const bool has_shape_inputs =
      std::holds_alternative<Reshape>(node.op) || std::holds_alternative<Slice>(node.op) ||
      std::holds_alternative<Pad>(node.op) || std::holds_alternative<Squeeze>(node.op) ||
      std::holds_alternative<Unsqueeze>(node.op);
  return has_shape_inputs ? 1 : node.inputs.size();
}

bool has_shape_inputs(const Node& node) { return node.inputs.size() > data_inputs(node); }

std::optional<Op> move_shape_inputs(const Graph& graph, const Node& node,
                                    const KnownValues& known) {
  using Result = std::optional<Op>;
  const ShapeInputs inputs(graph, node, known);
  if (!has_shape_inputs(node)) return node.op;
  for (std::size_t i = data_inputs(node); i < node.inputs.size(); ++i) inputs.require_list(i);
  if (!inputs.has(1)) return node.op;
  return std::visit(Overloaded{
                        [&](const Reshape& op) { return reshape_with_target(inputs, op); },
                        [&](const Slice&) { return slice_with_bounds(inputs); },
                        [&](const Pad&) { return pad_with_amounts(inputs); },
                        [&](const Squeeze&) { return with_axes<Squeeze>(inputs); },
                        [&](const Unsqueeze&) { return with_axes<Unsqueeze>(inputs); },
                        [&](const auto&) { return Result(node.op); },
                    },
                    node.op);
}

Shape shape_before_run(const Graph& graph, const Node& node, const KnownValues& known) {
  const ShapeInputs inputs(graph, node, known);
  return std::visit(Overloaded{
                        [&](const Reshape&) { return reshape_before_run(inputs); },
                        [&](const Slice&) { return slice_before_run(inputs); },
                        [&](const Pad&) { return pad_before_run(inputs); },
                        [&](const Squeeze&) { return squeeze_before_run(inputs); },
                        [&](const Unsqueeze&) {
                          return unknown_of_rank(inputs.shape(0).rank() + inputs.length(1));
                        },
                        [&](const auto&) -> Shape {
                          fail_node(ErrorKind::kInternal, node, "has no shape inputs");
                        },
                    },
                    node.op);
}

}  // namespace octet
