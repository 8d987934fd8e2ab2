// The typed ops that move elements or make shapes, as functions.

#include "octet/graph/functions/arrangement.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/nibbles.h"
#include "octet/graph/evaluate.h"
#include "octet/graph/functions/arrangement_parts.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

using Inputs = std::span<const ConstTensorView>;

bool to_list(const std::vector<std::int64_t>& values, ShortList& list) noexcept {
  if (values.size() > list.values.size()) return false;
  std::ranges::copy(values, list.values.begin());
  list.count = values.size();
  return true;
}

// ---- shapes: those of the form whose shape inputs are in the op; of the other only the rank ----

std::vector<Shape> shapes_of(const FunctionInputs& inputs) {
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) shapes.push_back(inputs.shape(i));
  return shapes;
}

Shape shape_of(const Concat& op, const FunctionInputs& inputs) {
  return concat_shape(inputs.node(), op, shapes_of(inputs));
}
Shape shape_of(const Flatten& op, const FunctionInputs& inputs) {
  return flatten_shape(inputs.node(), op, inputs.shape(0));
}
Shape shape_of(const Reshape& op, const FunctionInputs& inputs) {
  if (!inputs.has(1)) return reshape_shape(inputs.node(), op, inputs.shape(0));
  const auto dims = list_input(inputs, 1);
  if (dims) return reshape_shape(inputs.node(), Reshape{*dims}, inputs.shape(0));
  const std::int64_t rank = list_length(inputs, 1);
  if (rank < 0 || rank > kMaxViewRank) {
    fail_node(ErrorKind::kUnsupported, inputs.node(), "a shape of ", to_string(inputs.shape(1)),
              " numbers, accepted: up to ", kMaxViewRank);
  }
  return unknown_shape(static_cast<int>(rank));
}
Shape shape_of(const Transpose& op, const FunctionInputs& inputs) {
  return transpose_shape(inputs.node(), op, inputs.shape(0));
}
Shape shape_of(const Squeeze& op, const FunctionInputs& inputs) {
  return squeeze_shape(inputs.node(), op, inputs.shape(0));
}
Shape shape_of(const Unsqueeze& op, const FunctionInputs& inputs) {
  return unsqueeze_shape(inputs.node(), op, inputs.shape(0));
}
Shape shape_of(const Slice& op, const FunctionInputs& inputs) {
  if (inputs.size() > 1) return unknown_shape(inputs.shape(0).rank());
  return slice_shape(inputs.node(), op, inputs.shape(0));
}
Shape shape_of(const Pad& op, const FunctionInputs& inputs) {
  return pad_shape(inputs.node(), op, inputs.shape(0));
}
Shape shape_of(const Identity&, const FunctionInputs& inputs) { return inputs.shape(0); }
Shape shape_of(const Gather& op, const FunctionInputs& inputs) {
  return gather_shape(inputs.node(), op, inputs.shape(0), inputs.shape(1));
}
Shape shape_of(const ShapeOf&, const FunctionInputs& inputs) { return {inputs.shape(0).rank()}; }
Shape shape_of(const ConstantOfShape&, const FunctionInputs& inputs) {
  if (auto dims = list_input(inputs, 0, true)) return Shape(std::move(*dims));
  const std::int64_t rank = list_length(inputs, 0);
  if (rank < 0 || rank > kMaxViewRank) {
    fail_node(ErrorKind::kUnsupported, inputs.node(), "a shape of ", to_string(inputs.shape(0)),
              " numbers, accepted: up to ", kMaxViewRank);
  }
  return unknown_shape(static_cast<int>(rank));
}

// ---- elements ----

bool move(const Concat& op, Inputs in, const TensorView& out) noexcept {
  const int axis = op.axis < 0 ? op.axis + out.rank : op.axis;
  if (axis < 0 || axis >= out.rank) return false;
  const auto along = static_cast<std::size_t>(axis);
  std::int64_t position = 0;
  for (const ConstTensorView& x : in) {
    if (x.rank != out.rank || x.dims[along] > out.dims[along] - position) return false;
    for (std::size_t i = 0; i < dims_of(x).size(); ++i) {
      if (i != along && x.dims[i] != out.dims[i]) return false;
    }
    copy_box(size_bytes(x.dtype), dims_of(x), x.data, x.strides,
             element_at(out, position * out.strides[along]), out.strides);
    position += x.dims[along];
  }
  return position == out.dims[along];
}

bool copy_reshaped(Inputs in, const TensorView& out) noexcept {
  if (in[0].num_elements() != out.num_elements()) return false;
  copy_in_order(in[0], out);
  return true;
}
bool move(const Flatten&, Inputs in, const TensorView& out) noexcept {
  return copy_reshaped(in, out);
}
bool move(const Reshape&, Inputs in, const TensorView& out) noexcept {
  return copy_reshaped(in, out);
}
bool move(const Squeeze&, Inputs in, const TensorView& out) noexcept {
  return copy_reshaped(in, out);
}
bool move(const Unsqueeze&, Inputs in, const TensorView& out) noexcept {
  return copy_reshaped(in, out);
}
bool move(const Identity&, Inputs in, const TensorView& out) noexcept {
  return copy_reshaped(in, out);
}

bool move(const Transpose& op, Inputs in, const TensorView& out) noexcept {
  const ConstTensorView& x = in[0];
  const bool reversed = op.perm.empty();
  if (!reversed && static_cast<int>(op.perm.size()) != x.rank) return false;
  ViewDims strides{};
  for (int axis = 0; axis < x.rank; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const int from = reversed ? x.rank - 1 - axis : op.perm[i];
    if (from < 0 || from >= x.rank) return false;
    strides[i] = x.strides[static_cast<std::size_t>(from)];
    if (x.dims[static_cast<std::size_t>(from)] != out.dims[i]) return false;
  }
  copy_box(size_bytes(x.dtype), dims_of(out), x.data, strides, out.data, out.strides);
  return true;
}

/// The bounds of a slice, from the op or from the inputs.
struct Bounds {
  ShortList starts, ends, axes, steps;
};

bool read_bounds(const Slice& op, Inputs in, Bounds& bounds) noexcept {
  if (in.size() < 2) {
    return to_list(op.starts, bounds.starts) && to_list(op.ends, bounds.ends) &&
           to_list(op.axes, bounds.axes) && to_list(op.steps, bounds.steps);
  }
  if (in.size() < 3 || !read_list(in[1], bounds.starts) || !read_list(in[2], bounds.ends)) {
    return false;
  }
  bounds.axes = bounds.steps = first_numbers(bounds.starts.count);
  std::ranges::fill(bounds.steps.values, 1);
  if (in.size() > 3 && in[3].present && !read_list(in[3], bounds.axes)) return false;
  return !(in.size() > 4 && in[4].present) || read_list(in[4], bounds.steps);
}

bool move(const Slice& op, Inputs in, const TensorView& out) noexcept {
  const ConstTensorView& x = in[0];
  Bounds bounds;
  if (!read_bounds(op, in, bounds) || !normalize_axes(bounds.axes, x.rank)) return false;
  const std::size_t count = bounds.axes.count;
  if (bounds.starts.count != count || bounds.ends.count != count || bounds.steps.count != count) {
    return false;
  }
  ViewDims dims = x.dims, strides = x.strides;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (bounds.steps[i] == 0) return false;
    const auto axis = static_cast<std::size_t>(bounds.axes[i]);
    const SliceRange range =
        slice_range(x.dims[axis], bounds.starts[i], bounds.ends[i], bounds.steps[i]);
    dims[axis] = range.count;
    if (range.count > 0) offset += range.start * x.strides[axis];
    // A range of one element may have a step whose product with the stride overflows.
    strides[axis] = range.count > 1 ? range.step * x.strides[axis] : 0;
  }
  if (!std::ranges::equal(std::span(dims).first(dims_of(x).size()), dims_of(out))) return false;
  copy_box(size_bytes(x.dtype), dims_of(out), element_at(x, offset), strides, out.data,
           out.strides);
  return true;
}

/// The padding value of a typed Pad in an element's bytes.
void write_element(DType dtype, float value, std::byte* element) noexcept {
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    T converted{};
    if constexpr (std::is_same_v<T, float>) {
      converted = value;
    } else if constexpr (std::is_same_v<T, bool>) {
      converted = value != 0.0f;
    } else if (!std::isnan(value)) {
      using Limits = std::numeric_limits<T>;
      // As a float the largest integer may round up, out of the range.
      converted = value >= static_cast<float>(Limits::max())   ? Limits::max()
                  : value <= static_cast<float>(Limits::min()) ? Limits::min()
                                                               : static_cast<T>(value);
    }
    std::memcpy(element, &converted, sizeof(T));
  });
}

bool move(const Pad& op, Inputs in, const TensorView& out) noexcept {
  ShortList pads;
  if (in.size() > 1 || !to_list(op.pads, pads)) return false;
  std::array<std::byte, 8> element{};
  write_element(out.dtype, op.value, element.data());
  return pad_with_constant(pads, element.data(), in[0], out);
}

bool move(const Gather& op, Inputs in, const TensorView& out) noexcept {
  return gather_along_axis(op.axis, in[0], in[1], out);
}

bool move(const ShapeOf&, Inputs in, const TensorView& out) noexcept {
  for (int axis = 0; axis < in[0].rank; ++axis) {
    out.as<std::int64_t>()[axis * out.strides[0]] = in[0].dims[static_cast<std::size_t>(axis)];
  }
  return true;
}

bool move(const ConstantOfShape& op, Inputs, const TensorView& out) noexcept {
  if (!is_packed(out.dtype)) {
    fill_view(out, op.value.raw());
    return true;
  }
  const int nibble = std::to_integer<int>(*op.value.raw());
  const auto element =
      static_cast<std::byte>(out.dtype == DType::kInt4 && nibble > 7 ? nibble - 16 : nibble);
  fill_view(out, &element);
  return true;
}

template <typename OpType>
class TypedFunction final : public TensorFunction {
 public:
  explicit TypedFunction(OpType op) : op_(std::move(op)) {}

  std::string_view onnx_name() const override { return op_name(op_); }
  FunctionArity arity() const override { return {.inputs = 1, .max_inputs = 1 << 20}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    DType dtype = inputs.dtype(0);
    if constexpr (std::is_same_v<OpType, ShapeOf>) dtype = DType::kInt64;
    if constexpr (std::is_same_v<OpType, ConstantOfShape>) dtype = op_.value.dtype();
    return {{dtype, shape_of(op_, inputs)}};
  }

  bool compute(Inputs in, std::span<const TensorView> out, std::byte*) const noexcept override {
    return move(op_, in, out[0]);
  }

 private:
  OpType op_;
};

}  // namespace

FunctionPointer arrangement_function_of(const Op& op) {
  return std::visit(
      [](const auto& typed) -> FunctionPointer {
        using OpType = std::decay_t<decltype(typed)>;
        if constexpr (requires(Inputs in, const TensorView& out) { move(typed, in, out); }) {
          return std::make_shared<TypedFunction<OpType>>(typed);
        } else {
          return nullptr;
        }
      },
      op);
}

}  // namespace octet
