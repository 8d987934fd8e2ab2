// Reading elements at places that are data.

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/arrangement_parts.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

class GatherElements final : public TensorFunction {
 public:
  explicit GatherElements(int axis) : axis_(axis) {}

  std::string_view onnx_name() const override { return "GatherElements"; }
  std::vector<Attribute> attributes() const override { return {{"axis", std::int64_t{axis_}}}; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }

  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_integers(inputs, 1);
    const Shape &x = inputs.shape(0), &indices = inputs.shape(1);
    require_rank(inputs, 1, x.rank(), x.rank());
    const int axis = normalized_axis(inputs.node(), axis_, x.rank());
    for (int i = 0; i < x.rank(); ++i) {
      if (i != axis && x[i] >= 0 && indices[i] > x[i]) {
        fail_node(ErrorKind::kBadData, inputs.node(), "indices ", to_string(indices), " for input ",
                  to_string(x), ", accepted: no larger except along the axis");
      }
    }
    return {{inputs.dtype(0), indices}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView &x = in[0], &indices = in[1];
    const auto axis = static_cast<std::size_t>(axis_ < 0 ? axis_ + x.rank : axis_);
    ViewDims strides = x.strides;
    strides[axis] = 0;
    for (std::size_t i = 0; i < dims_of(x).size(); ++i) {
      if (i != axis && out[0].dims[i] > x.dims[i]) return false;
    }
    bool in_range = true;
    for_each_index<3>(dims_of(out[0]), {indices.strides, strides, out[0].strides},
                      [&](std::int64_t, const std::array<std::int64_t, 3>& offsets) {
                        std::int64_t at = integer_at(indices, offsets[0]);
                        in_range = in_range && normalize_index(at, x.dims[axis]);
                        if (!in_range) return;
                        std::memcpy(element_at(out[0], offsets[2]),
                                    element_at(x, offsets[1] + at * x.strides[axis]),
                                    size_bytes(x.dtype));
                      });
    return in_range;
  }

 private:
  int axis_;
};

class GatherND final : public TensorFunction {
 public:
  explicit GatherND(int batch_dims) : batch_dims_(batch_dims) {}

  std::string_view onnx_name() const override { return "GatherND"; }
  std::vector<Attribute> attributes() const override {
    return {{"batch_dims", std::int64_t{batch_dims_}}};
  }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }
  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override;

 private:
  int batch_dims_;
};

std::vector<TensorType> GatherND::output_types(const FunctionInputs& inputs) const {
  require_integers(inputs, 1);
  const Shape &x = inputs.shape(0), &indices = inputs.shape(1);
  const auto fail_shapes = [&](const char* accepted) {
    fail_node(ErrorKind::kBadData, inputs.node(), "indices ", to_string(indices), " for input ",
              to_string(x), " with ", batch_dims_, " batch dimensions, accepted: ", accepted);
  };
  if (batch_dims_ < 0 || x.rank() < 1 || indices.rank() < 1 ||
      batch_dims_ >= std::min(x.rank(), indices.rank())) {
    fail_shapes("fewer batch dimensions than the ranks");
  }
  const std::int64_t length = indices[indices.rank() - 1];
  if (length < 0) {
    fail_node(ErrorKind::kUnsupported, inputs.node(),
              "indices of unknown length, accepted: a number");
  }
  if (length < 1 || length > x.rank() - batch_dims_) {
    fail_shapes("as many numbers per index as axes, or fewer");
  }
  for (int i = 0; i < batch_dims_; ++i) {
    if (x[i] >= 0 && indices[i] >= 0 && x[i] != indices[i]) fail_shapes("equal batch dimensions");
  }
  std::vector<std::int64_t> dims(indices.dims().begin(), indices.dims().end() - 1);
  dims.insert(dims.end(), x.dims().begin() + batch_dims_ + length, x.dims().end());
  return {{inputs.dtype(0), Shape(std::move(dims))}};
}

bool GatherND::compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
                       std::byte*) const noexcept {
  const ConstTensorView &x = in[0], &indices = in[1];
  const auto batch = static_cast<std::size_t>(batch_dims_);
  const auto last = static_cast<std::size_t>(indices.rank - 1);
  const auto length = static_cast<std::size_t>(indices.dims[last]);
  const auto rest = static_cast<std::size_t>(x.rank) - batch - length;
  ViewDims batch_strides{}, tail_from{}, tail_to{}, tail{};
  for (std::size_t i = 0; i < batch; ++i) {
    if (indices.dims[i] > x.dims[i]) return false;
    batch_strides[i] = x.strides[i];
  }
  for (std::size_t i = 0; i < rest; ++i) {
    tail[i] = x.dims[batch + length + i];
    tail_from[i] = x.strides[batch + length + i];
    tail_to[i] = out[0].strides[last + i];
  }
  bool in_range = true;
  for_each_index<3>(dims_of(indices).first(last), {indices.strides, batch_strides, out[0].strides},
                    [&](std::int64_t, const std::array<std::int64_t, 3>& offsets) {
                      std::int64_t from = offsets[1];
                      for (std::size_t k = 0; k < length; ++k) {
                        const auto step = static_cast<std::int64_t>(k) * indices.strides[last];
                        std::int64_t at = integer_at(indices, offsets[0] + step);
                        in_range = in_range && normalize_index(at, x.dims[batch + k]);
                        from += in_range ? at * x.strides[batch + k] : 0;
                      }
                      if (!in_range) return;
                      copy_box(size_bytes(x.dtype), std::span(tail).first(rest),
                               element_at(x, from), tail_from, element_at(out[0], offsets[2]),
                               tail_to);
                    });
  return in_range;
}

/// A number of any dtype as an integer; false if it is none.
bool read_whole(const ConstTensorView& view, std::int64_t offset, std::int64_t& value) noexcept {
  return with_type(view.dtype, [&](auto type) {
    using T = decltype(type);
    const T element = view.as<T>()[offset];
    if constexpr (std::is_same_v<T, float>) {
      if (!(std::abs(element) < 9e15f)) return false;
    }
    value = static_cast<std::int64_t>(element);
    return true;
  });
}

class OneHot final : public TensorFunction {
 public:
  explicit OneHot(int axis) : axis_(axis) {}

  std::string_view onnx_name() const override { return "OneHot"; }
  std::vector<Attribute> attributes() const override { return {{"axis", std::int64_t{axis_}}}; }
  FunctionArity arity() const override { return {.inputs = 3, .max_inputs = 3}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_rank(inputs, 1, 0, 1);
    require_rank(inputs, 2, 1, 1);
    if (inputs.shape(2)[0] >= 0 && inputs.shape(2)[0] != 2) {
      fail_node(ErrorKind::kBadData, inputs.node(), "values of shape ", to_string(inputs.shape(2)),
                ", accepted: [2]");
    }
    std::vector<std::int64_t> dims = inputs.shape(0).dims();
    const int axis = normalized_axis(inputs.node(), axis_, inputs.shape(0).rank() + 1);
    dims.insert(dims.begin() + axis, depth(inputs));
    return {{inputs.dtype(2), Shape(std::move(dims))}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView &indices = in[0], &values = in[2];
    const auto axis = static_cast<std::size_t>(axis_ < 0 ? axis_ + out[0].rank : axis_);
    const std::int64_t depth = out[0].dims[axis];
    std::int64_t wanted = 0;
    if (in[1].num_elements() != 1 || values.num_elements() != 2 || !read_whole(in[1], 0, wanted) ||
        wanted != depth) {
      return false;
    }
    fill_view(out[0], values.data);
    ViewDims strides{};
    for (std::size_t i = 0; i < dims_of(indices).size(); ++i) {
      strides[i] = out[0].strides[i < axis ? i : i + 1];
    }
    for_each_index<2>(dims_of(indices), {indices.strides, strides},
                      [&](std::int64_t, const std::array<std::int64_t, 2>& offsets) {
                        std::int64_t at = 0;
                        if (!read_whole(indices, offsets[0], at) || !normalize_index(at, depth)) {
                          return;
                        }
                        std::memcpy(element_at(out[0], offsets[1] + at * out[0].strides[axis]),
                                    element_at(values, values.strides[0]),
                                    size_bytes(values.dtype));
                      });
    return true;
  }

 private:
  static std::int64_t depth(const FunctionInputs& inputs) {
    std::int64_t depth = kUnknownDim;
    if (const auto number = inputs.integers(1); number && number->size() == 1) {
      depth = number->front();
    } else if (const auto real = inputs.floats(1); real && real->size() == 1) {
      depth = std::abs(real->front()) < 1e9f ? static_cast<std::int64_t>(real->front()) : -1;
    } else {
      return kUnknownDim;
    }
    if (depth < 0) {
      fail_node(ErrorKind::kBadData, inputs.node(), "depth ", depth, ", accepted: 0 or more");
    }
    return depth;
  }

  int axis_;
};

}  // namespace

bool gather_along_axis(int axis, const ConstTensorView& x, const ConstTensorView& indices,
                       const TensorView& out) noexcept {
  const auto along = static_cast<std::size_t>(axis < 0 ? axis + x.rank : axis);
  const auto count = static_cast<std::size_t>(indices.rank);
  if (along >= dims_of(x).size() || out.rank != x.rank - 1 + indices.rank) return false;
  // The result's axes: x's before `along`, those of the indices, x's after.
  ViewDims box{}, from{}, to{}, row_strides{};
  for (std::size_t i = 0; i < count; ++i) row_strides[i] = out.strides[along + i];
  for (std::size_t i = 0; i + 1 < dims_of(x).size(); ++i) {
    const std::size_t source = i < along ? i : i + 1;
    const std::size_t target = i < along ? i : i + count;
    if (out.dims[target] != x.dims[source]) return false;
    box[i] = x.dims[source];
    from[i] = x.strides[source];
    to[i] = out.strides[target];
  }
  const auto dims = std::span(box).first(dims_of(x).size() - 1);
  bool in_range = true;
  for_each_index<2>(dims_of(indices), {indices.strides, row_strides},
                    [&](std::int64_t, const std::array<std::int64_t, 2>& offsets) {
                      std::int64_t at = integer_at(indices, offsets[0]);
                      in_range = in_range && normalize_index(at, x.dims[along]);
                      if (!in_range) return;
                      copy_box(size_bytes(x.dtype), dims, element_at(x, at * x.strides[along]),
                               from, element_at(out, offsets[1]), to);
                    });
  return in_range;
}

Op gather_elements(int axis) { return Function{std::make_shared<GatherElements>(axis)}; }
Op gather_nd(int batch_dims) { return Function{std::make_shared<GatherND>(batch_dims)}; }
Op one_hot(int axis) { return Function{std::make_shared<OneHot>(axis)}; }

}  // namespace octet
