// Operators that move data or compute shapes. Where ONNX has shape-like inputs, octet's op takes
// them as inputs too; fold_constants moves the constant ones into the op.

#include <algorithm>
#include <numeric>

#include "octet/graph/functions/arrangement.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"

namespace octet {
namespace {

constexpr int kManyInputs = 1 << 20;

/// The inputs as they are; optional ones may be absent.
std::vector<std::optional<ValueId>> all_inputs(NodeReader& node) {
  std::vector<std::optional<ValueId>> inputs{node.input(0)};
  for (int i = 1; i < node.num_inputs(); ++i) inputs.push_back(node.optional_input(i));
  while (!inputs.back()) inputs.pop_back();
  return inputs;
}

/// Squeeze and Unsqueeze: the axes are an attribute before opset 13, then an input.
template <typename OpType>
void import_axes(NodeReader& node, bool required) {
  const bool as_input = node.opset() >= 13;
  node.expect_inputs(required && as_input ? 2 : 1, as_input ? 2 : 1);
  OpType op;
  if (!as_input) {
    op.axes = required ? node.attributes.require_ints("axes")
                       : node.attributes.find_ints("axes").value_or(std::vector<std::int64_t>{});
  }
  node.emit(op, all_inputs(node));
}

int axis_attribute(NodeReader& node, std::int64_t otherwise) {
  return node.attributes.get_int_between("axis", otherwise, -kMaxRank, kMaxRank);
}

PadMode pad_mode(NodeReader& node) {
  const std::string mode = node.attributes.find_string("mode").value_or("constant");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "wrap" && node.opset() >= 19) return PadMode::kWrap;
  node.unsupported("mode = ", quote_name(mode), ", accepted: constant, edge, reflect, and wrap ",
                   "from opset 19 on");
}

}  // namespace

void import_concat(NodeReader& node) {
  node.expect_inputs(1, kManyInputs);
  node.attributes.require_int("axis");
  const Concat concat{axis_attribute(node, 0)};
  std::vector<std::optional<ValueId>> inputs;
  inputs.reserve(static_cast<std::size_t>(node.num_inputs()));
  for (int i = 0; i < node.num_inputs(); ++i) inputs.emplace_back(node.input(i));
  node.emit(concat, std::move(inputs));
}

void import_flatten(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Flatten{axis_attribute(node, 1)}, {node.input(0)});
}

void import_reshape(NodeReader& node) {
  node.expect_inputs(2, 2);
  bool zero_means_zero =
      node.opset() >= 14 && node.attributes.get_int_between("allowzero", 0, 0, 1) != 0;
  if (const Tensor* shape = node.constant(1); zero_means_zero && shape != nullptr) {
    const std::vector<std::int64_t> dims = node.require_ints(1, "the shape");
    zero_means_zero = std::ranges::find(dims, 0) != dims.end();
  }
  node.emit(zero_means_zero ? reshape_allowing_zero() : Reshape{}, {node.input(0), node.input(1)});
}

void import_transpose(NodeReader& node) {
  node.expect_inputs(1, 1);
  Transpose transpose;
  if (const auto perm = node.attributes.find_ints("perm")) {
    for (const std::int64_t axis : *perm) {
      if (axis < 0 || axis >= kMaxRank) {
        node.bad("perm holds ", axis, ", accepted: 0 to ", kMaxRank - 1);
      }
      transpose.perm.push_back(static_cast<int>(axis));
    }
  }
  node.emit(transpose, {node.input(0)});
}

void import_squeeze(NodeReader& node) { import_axes<Squeeze>(node, false); }

void import_unsqueeze(NodeReader& node) { import_axes<Unsqueeze>(node, true); }

void import_slice(NodeReader& node) {
  if (node.opset() >= 10) {
    node.expect_inputs(3, 5);
    node.emit(Slice{}, all_inputs(node));
    return;
  }
  node.expect_inputs(1, 1);
  Slice slice;
  slice.starts = node.attributes.require_ints("starts");
  slice.ends = node.attributes.require_ints("ends");
  slice.axes.resize(slice.starts.size());
  std::iota(slice.axes.begin(), slice.axes.end(), 0);
  if (auto axes = node.attributes.find_ints("axes")) slice.axes = std::move(*axes);
  slice.steps.assign(slice.starts.size(), 1);
  if (slice.starts.empty() || slice.ends.size() != slice.starts.size() ||
      slice.axes.size() != slice.starts.size()) {
    node.bad(slice.starts.size(), " starts, ", slice.ends.size(), " ends, ", slice.axes.size(),
             " axes, accepted: as many of each, 1 or more");
  }
  node.emit(std::move(slice), {node.input(0)});
}

void import_pad(NodeReader& node) {
  const PadMode mode = pad_mode(node);
  const bool constant = mode == PadMode::kConstant;
  if (node.opset() >= 11) {
    node.expect_inputs(2, node.opset() >= 18 ? 4 : 3);
    // The typed Pad holds its value as a float, which not every integer is.
    const Tensor* value = node.constant(2);
    const bool typed =
        constant && (!node.has_input(2) || (value != nullptr && value->dtype() == DType::kFloat32));
    node.emit(typed ? Op(Pad{}) : pad_function(mode), all_inputs(node));
    return;
  }
  node.expect_inputs(1, 1);
  Pad pad;
  pad.pads = node.attributes.require_ints("pads");
  pad.value = node.attributes.get_float("value", 0.0f);
  if (pad.pads.empty()) node.bad("attribute 'pads' is empty");
  if (constant) {
    node.emit(std::move(pad), {node.input(0)});
    return;
  }
  const auto count = static_cast<std::int64_t>(pad.pads.size());
  const ValueId amounts = node.add_constant("pads", Tensor::from(Shape{count}, pad.pads));
  node.emit(pad_function(mode), {node.input(0), amounts});
}

void import_shape_of(NodeReader& node) {
  node.expect_inputs(1, 1);
  const bool has_range = node.opset() >= 15;
  const std::int64_t start = has_range ? node.attributes.get_int("start", 0) : 0;
  const std::optional<std::int64_t> end =
      has_range ? node.attributes.find_int("end") : std::nullopt;
  if (start == 0 && !end) {
    node.emit(ShapeOf{}, {node.input(0)});
    return;
  }
  const ValueId whole = node.emit_step("whole", ShapeOf{}, {node.input(0)});
  node.emit(Slice{.starts = {start}, .ends = {end.value_or(kMaxRank)}, .axes = {0}, .steps = {1}},
            {whole});
}

void import_gather(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Gather{axis_attribute(node, 0)}, {node.input(0), node.input(1)});
}

void import_constant_of_shape(NodeReader& node) {
  node.expect_inputs(1, 1);
  ConstantOfShape fill;
  if (auto value = node.attributes.find_tensor("value")) fill.value = std::move(*value);
  if (fill.value.num_elements() != 1) {
    node.bad("value has ", fill.value.num_elements(), " elements, accepted: 1");
  }
  fill.value = fill.value.reshaped(Shape{1});
  node.emit(std::move(fill), {node.input(0)});
}

}  // namespace octet
