#include "octet/graph/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "octet/base/nibbles.h"
#include "octet/graph/functions/arrangement_views.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

using Strides = std::vector<std::int64_t>;

Strides dense_strides(const Shape& shape) {
  Strides strides(static_cast<std::size_t>(shape.rank()));
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/// A position in a tensor and the step (in elements) along each axis of the copied box.
struct View {
  std::int64_t offset = 0;
  Strides strides;
};

/// dst[index] = src[index] for every index of a box of `dims`. REQUIRES at most kMaxViewRank of
/// them, which shape inference sees to.
void copy_view(const Tensor& src, const View& from, Tensor& dst, const View& to,
               const std::vector<std::int64_t>& dims) {
  if (std::ranges::find(dims, 0) != dims.end()) return;
  const std::size_t bytes = size_bytes(src.dtype());
  ViewDims from_strides{}, to_strides{};
  std::ranges::copy(from.strides, from_strides.begin());
  std::ranges::copy(to.strides, to_strides.begin());
  copy_box(bytes, dims, src.raw() + from.offset * static_cast<std::int64_t>(bytes), from_strides,
           dst.mutable_raw() + to.offset * static_cast<std::int64_t>(bytes), to_strides);
}

Tensor gather_box(const Tensor& src, const View& from, const Shape& shape) {
  Tensor dst(src.dtype(), shape);
  copy_view(src, from, dst, {0, dense_strides(shape)}, shape.dims());
  return dst;
}

Tensor broadcast(const Tensor& src, const Shape& shape) {
  const Strides dense = dense_strides(src.shape());
  Strides strides(static_cast<std::size_t>(shape.rank()), 0);
  const int missing = shape.rank() - src.shape().rank();
  for (int axis = 0; axis < src.shape().rank(); ++axis) {
    if (src.shape()[axis] > 1) {
      strides[static_cast<std::size_t>(axis + missing)] = dense[static_cast<std::size_t>(axis)];
    }
  }
  return gather_box(src, {0, strides}, shape);
}

Tensor transpose(const Transpose& op, const Tensor& x, const Shape& shape) {
  const Strides dense = dense_strides(x.shape());
  Strides strides;
  for (const int from : permutation_of(op, shape.rank())) {
    strides.push_back(dense[static_cast<std::size_t>(from)]);
  }
  return gather_box(x, {0, strides}, shape);
}

Tensor slice(const Slice& op, const Tensor& x, const Shape& shape) {
  View from{0, dense_strides(x.shape())};
  for (std::size_t i = 0; i < op.axes.size(); ++i) {
    const std::int64_t axis = op.axes[i] < 0 ? op.axes[i] + x.shape().rank() : op.axes[i];
    const SliceRange range =
        slice_range(x.shape()[static_cast<int>(axis)], op.starts[i], op.ends[i], op.steps[i]);
    std::int64_t& stride = from.strides[static_cast<std::size_t>(axis)];
    from.offset += range.start * stride;
    // A range of one element may have a step whose product with the stride overflows.
    stride = range.count > 1 ? range.step * stride : 0;
  }
  return gather_box(x, from, shape);
}

Tensor concat(const Concat& op, std::span<const Tensor> inputs, const Shape& shape) {
  Tensor result(inputs[0].dtype(), shape);
  const auto axis = static_cast<std::size_t>(op.axis < 0 ? op.axis + shape.rank() : op.axis);
  View to{0, dense_strides(shape)};
  for (const Tensor& input : inputs) {
    copy_view(input, {0, dense_strides(input.shape())}, result, to, input.shape().dims());
    to.offset += input.shape()[static_cast<int>(axis)] * to.strides[axis];
  }
  return result;
}

/// The indices of a Gather as non-negative numbers; nullopt if one is out of range.
std::optional<std::vector<std::int64_t>> gather_indices(const Tensor& indices, std::int64_t dim) {
  std::vector<std::int64_t> result;
  const auto append = [&](std::int64_t index) {
    if (index < -dim || index >= dim) return false;
    result.push_back(index < 0 ? index + dim : index);
    return true;
  };
  bool in_range = true;
  if (indices.dtype() == DType::kInt64) {
    for (std::int64_t index : indices.data<std::int64_t>()) in_range = in_range && append(index);
  } else {
    for (std::int32_t index : indices.data<std::int32_t>()) in_range = in_range && append(index);
  }
  if (!in_range) return std::nullopt;
  return result;
}

std::optional<Tensor> gather(const Gather& op, const Tensor& x, const Tensor& indices,
                             const Shape& shape) {
  const int axis = op.axis < 0 ? op.axis + x.shape().rank() : op.axis;
  const auto rows = gather_indices(indices, x.shape()[axis]);
  if (!rows) return std::nullopt;
  // x as [outer, dim, inner], the result as [outer, indices, inner].
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape()[i];
  for (int i = axis + 1; i < x.shape().rank(); ++i) inner *= x.shape()[i];
  Tensor result(x.dtype(), shape);
  const auto count = static_cast<std::int64_t>(rows->size());
  for (std::int64_t row = 0; row < count; ++row) {
    copy_view(x, {(*rows)[static_cast<std::size_t>(row)] * inner, {x.shape()[axis] * inner, 1}},
              result, {row * inner, {count * inner, 1}}, {outer, inner});
  }
  return result;
}

template <typename T>
void fill(Tensor& tensor, T value) {
  std::ranges::fill(tensor.mutable_data<T>(), value);
}

std::optional<Tensor> pad(const Pad& op, const Tensor& x, const Shape& shape) {
  if (std::ranges::any_of(op.pads, [](std::int64_t amount) { return amount < 0; })) {
    return std::nullopt;
  }
  Tensor result(x.dtype(), shape);
  if (op.value != 0.0f) {
    if (x.dtype() != DType::kFloat32) return std::nullopt;
    fill(result, op.value);
  }
  View to{0, dense_strides(shape)};
  for (std::size_t axis = 0; axis < to.strides.size(); ++axis) {
    to.offset += op.pads[axis] * to.strides[axis];
  }
  copy_view(x, {0, dense_strides(x.shape())}, result, to, x.shape().dims());
  return result;
}

template <typename From, typename To>
bool cast_elements(const Tensor& x, Tensor& result) {
  const std::span<const From> src = x.data<From>();
  const std::span<To> dst = result.mutable_data<To>();
  for (std::size_t i = 0; i < src.size(); ++i) {
    if constexpr (std::is_same_v<From, float> && !std::is_same_v<To, float> &&
                  !std::is_same_v<To, bool>) {
      // Outside the range the conversion is undefined; -min is a power of two, hence exact.
      const double limit = std::is_signed_v<To>
                               ? -static_cast<double>(std::numeric_limits<To>::min())
                               : static_cast<double>(std::numeric_limits<To>::max()) + 1;
      const double whole = std::trunc(double{src[i]});
      if (!(whole < limit) || !(whole >= static_cast<double>(std::numeric_limits<To>::min()))) {
        return false;
      }
    }
    dst[i] = static_cast<To>(src[i]);
  }
  return true;
}

std::optional<Tensor> cast(const Cast& op, const Tensor& x) {
  if (op.to == DType::kInt4 || op.to == DType::kUInt4) {
    const std::optional<Tensor> input(x);
    const TensorType type{op.to, x.shape()};
    auto result = apply(*function_of(op), std::span(&input, 1), std::span(&type, 1));
    return result ? std::optional(std::move(result->front())) : std::nullopt;
  }
  Tensor result(op.to, x.shape());
  const bool defined = with_type(x.dtype(), [&](auto from) {
    return with_type(
        op.to, [&](auto to) { return cast_elements<decltype(from), decltype(to)>(x, result); });
  });
  if (!defined) return std::nullopt;
  return result;
}

/// a op b elementwise for equal shapes. Integers wrap as two's complement, as ONNX runtimes do.
template <typename T>
bool compute(const Op& op, std::span<const T> a, std::span<const T> b, std::span<T> c) {
  const auto each = [&](auto function) {
    for (std::size_t i = 0; i < c.size(); ++i) c[i] = function(a[i], b[i]);
    return true;
  };
  if constexpr (std::is_same_v<T, float>) {
    if (const auto* add = std::get_if<Add>(&op)) {
      return each([&](T x, T y) {
        return std::min(std::max(x + y, add->activation.low), add->activation.high);
      });
    }
    if (std::holds_alternative<Sub>(op)) return each([](T x, T y) { return x - y; });
    if (std::holds_alternative<Mul>(op)) return each([](T x, T y) { return x * y; });
    if (std::holds_alternative<Div>(op)) return each([](T x, T y) { return x / y; });
  } else {
    using U = std::uint64_t;  // wide enough for every T: the low bits are those of T's product
    if (const auto* add = std::get_if<Add>(&op)) {
      if (!add->activation.is_identity()) return false;
      return each([](T x, T y) { return static_cast<T>(U(x) + U(y)); });
    }
    if (std::holds_alternative<Sub>(op)) {
      return each([](T x, T y) { return static_cast<T>(U(x) - U(y)); });
    }
    if (std::holds_alternative<Mul>(op)) {
      return each([](T x, T y) { return static_cast<T>(U(x) * U(y)); });
    }
    if (std::holds_alternative<Div>(op)) {
      for (std::size_t i = 0; i < c.size(); ++i) {
        if (b[i] == 0) return false;
        if (std::is_signed_v<T> && b[i] == static_cast<T>(-1) &&
            a[i] == std::numeric_limits<T>::min()) {
          return false;
        }
      }
      return each([](T x, T y) { return static_cast<T>(x / y); });
    }
  }
  return false;
}

std::optional<Tensor> binary(const Op& op, const Tensor& x, const Tensor& y, const Shape& shape) {
  if (x.dtype() == DType::kBool) return std::nullopt;
  const Tensor a = broadcast(x, shape), b = broadcast(y, shape);
  Tensor c(x.dtype(), shape);
  const bool defined = with_type(x.dtype(), [&](auto type) {
    using T = decltype(type);
    if constexpr (std::is_same_v<T, bool>) {
      return false;
    } else {
      return compute<T>(op, a.data<T>(), b.data<T>(), c.mutable_data<T>());
    }
  });
  if (!defined) return std::nullopt;
  return c;
}

}  // namespace

SliceRange slice_range(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (dim == 0) return {0, step, 0};
  const auto from_end = [&](std::int64_t bound) { return bound < 0 ? bound + dim : bound; };
  if (step > 0) {
    start = std::clamp<std::int64_t>(from_end(start), 0, dim);
    end = std::clamp<std::int64_t>(from_end(end), 0, dim);
    return {start, step, end > start ? 1 + (end - start - 1) / step : 0};
  }
  start = std::clamp<std::int64_t>(from_end(start), 0, dim - 1);
  end = std::clamp<std::int64_t>(from_end(end), -1, dim - 1);
  // Negating the smallest integer overflows; dividing by it instead gives the same, 0.
  return {start, step, start > end ? 1 - (start - end - 1) / step : 0};
}

std::vector<int> permutation_of(const Transpose& op, int rank) {
  if (!op.perm.empty()) return op.perm;
  std::vector<int> perm(static_cast<std::size_t>(rank));
  std::iota(perm.rbegin(), perm.rend(), 0);
  return perm;
}

bool moves_elements(const Op& op) {
  return std::holds_alternative<Identity>(op) || std::holds_alternative<Reshape>(op) ||
         std::holds_alternative<Flatten>(op) || std::holds_alternative<Squeeze>(op) ||
         std::holds_alternative<Unsqueeze>(op) || std::holds_alternative<Transpose>(op) ||
         std::holds_alternative<Slice>(op) || std::holds_alternative<Concat>(op);
}

namespace {

std::optional<Tensor> evaluate_bytes(const Op& op, std::span<const Tensor> inputs,
                                     const Shape& output_shape) {
  using Result = std::optional<Tensor>;
  const auto same_elements = [&] { return Result(inputs[0].reshaped(output_shape)); };
  return std::visit(
      Overloaded{
          [&](const Identity&) { return Result(inputs[0]); },
          [&](const Reshape&) { return same_elements(); },
          [&](const Flatten&) { return same_elements(); },
          [&](const Squeeze&) { return same_elements(); },
          [&](const Unsqueeze&) { return same_elements(); },
          [&](const Transpose& op) { return Result(transpose(op, inputs[0], output_shape)); },
          [&](const Slice& op) { return Result(slice(op, inputs[0], output_shape)); },
          [&](const Concat& op) { return Result(concat(op, inputs, output_shape)); },
          [&](const Gather& op) { return gather(op, inputs[0], inputs[1], output_shape); },
          [&](const Pad& op) { return pad(op, inputs[0], output_shape); },
          [&](const Cast& op) { return cast(op, inputs[0]); },
          [&](const ConstantOfShape& op) {
            const Tensor filled =
                broadcast(unpack_nibbles(op.value).reshaped(Shape{}), output_shape);
            return Result(is_packed(op.value.dtype()) ? pack_nibbles(filled, op.value.dtype())
                                                      : filled);
          },
          [&](const Add&) { return binary(op, inputs[0], inputs[1], output_shape); },
          [&](const Sub&) { return binary(op, inputs[0], inputs[1], output_shape); },
          [&](const Mul&) { return binary(op, inputs[0], inputs[1], output_shape); },
          [&](const Div&) { return binary(op, inputs[0], inputs[1], output_shape); },
          [](const auto&) { return Result(); },
      },
      op);
}

}  // namespace

std::optional<Tensor> evaluate(const Op& op, std::span<const Tensor> inputs,
                               const Shape& output_shape) {
  // Elements of 4 bits are moved, and cast, with a byte each.
  const bool packed =
      std::ranges::any_of(inputs, [](const Tensor& input) { return is_packed(input.dtype()); });
  if (!packed) return evaluate_bytes(op, inputs, output_shape);
  std::vector<Tensor> wide;
  for (const Tensor& input : inputs) wide.push_back(unpack_nibbles(input));
  if (std::holds_alternative<Cast>(op)) return evaluate_bytes(op, wide, output_shape);
  const bool moves =
      moves_elements(op) || std::holds_alternative<Gather>(op) || std::holds_alternative<Pad>(op);
  if (!moves) return std::nullopt;
  const std::optional<Tensor> result = evaluate_bytes(op, wide, output_shape);
  return result ? std::optional(pack_nibbles(*result, inputs[0].dtype())) : std::nullopt;
}

}  // namespace octet
