// Repeating elements and dealing them out.

#include <algorithm>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/arrangement_views.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

/// The elements of a list; a symbol (the batch) is negative. Error on a negative number.
std::optional<std::vector<std::int64_t>> sizes_input(const FunctionInputs& inputs,
                                                     std::size_t input) {
  if (auto numbers = list_input(inputs, input)) {
    for (const std::int64_t number : *numbers) {
      if (number < 0 || number > kMaxElements) {
        fail_node(ErrorKind::kBadData, inputs.node(), "input ", input, " holds ", number,
                  ", accepted: 0 or more");
      }
    }
    return numbers;
  }
  return list_input(inputs, input, true);
}

class Expand final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Expand"; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }

  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    const Shape& x = inputs.shape(0);
    const auto target = sizes_input(inputs, 1);
    const std::int64_t length = list_length(inputs, 1);
    if (length < 0) {
      fail_node(ErrorKind::kUnsupported, inputs.node(),
                "a shape of unknown length, accepted: a known rank");
    }
    const int rank = std::max(x.rank(), static_cast<int>(std::min<std::int64_t>(length, 64)));
    if (!target) return {{inputs.dtype(0), unknown_shape(rank)}};
    const Shape wanted(*target);
    Shape result = unknown_shape(rank);
    for (int i = 1; i <= rank; ++i) {
      const std::int64_t a = i <= x.rank() ? x[x.rank() - i] : 1;
      const std::int64_t b = i <= wanted.rank() ? wanted[wanted.rank() - i] : 1;
      std::int64_t& dim = result[rank - i];
      if (a == 1 || b == 1 || a == b) {
        dim = a == 1 ? b : a;
      } else if (a < 0 || b < 0) {
        dim = std::max(a, b) > 1 ? std::max(a, b) : kUnknownDim;
      } else {
        fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(x), " to shape ",
                  to_string(wanted), ", accepted: equal sizes, or 1");
      }
    }
    return {{inputs.dtype(0), result}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView& x = in[0];
    if (x.rank > out[0].rank) return false;
    for (int i = 1; i <= x.rank; ++i) {
      const std::int64_t dim = x.dims[static_cast<std::size_t>(x.rank - i)];
      if (dim != 1 && dim != out[0].dims[static_cast<std::size_t>(out[0].rank - i)]) return false;
    }
    copy_box(size_bytes(x.dtype), dims_of(out[0]), x.data, broadcast_strides(x, dims_of(out[0])),
             out[0].data, out[0].strides);
    return true;
  }
};

class Tile final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Tile"; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }

  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    const Shape& x = inputs.shape(0);
    const auto repeats = sizes_input(inputs, 1);
    const std::int64_t length = repeats ? std::ssize(*repeats) : list_length(inputs, 1);
    if (length >= 0 && length != x.rank()) {
      fail_node(ErrorKind::kBadData, inputs.node(), length, " repeats for input ", to_string(x),
                ", accepted: one per axis");
    }
    if (!repeats) return {{inputs.dtype(0), unknown_shape(x.rank())}};
    Shape result = x;
    for (int i = 0; i < x.rank(); ++i) {
      const std::int64_t count = (*repeats)[static_cast<std::size_t>(i)];
      if (count == 1) continue;
      if (x[i] > 0 && count > kMaxElements / x[i]) {
        fail_node(ErrorKind::kBadData, inputs.node(), count, " repeats of ", x[i],
                  ", accepted: up to 2^40 elements");
      }
      result[i] = x[i] == 0 || count == 0 ? 0
                  : x[i] == 1             ? count
                  : x[i] < 0 || count < 0 ? kUnknownDim
                                          : x[i] * count;
    }
    return {{inputs.dtype(0), result}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView& x = in[0];
    ShortList repeats;
    if (!read_list(in[1], repeats) || repeats.count != dims_of(x).size()) return false;
    for (std::size_t i = 0; i < repeats.count; ++i) {
      if (x.dims[i] == 0
              ? out[0].dims[i] != 0
              : out[0].dims[i] / x.dims[i] != repeats[i] || out[0].dims[i] % x.dims[i] != 0) {
        return false;
      }
    }
    if (x.num_elements() == 0) return true;
    copy_mapped(x, out[0], [&](std::size_t axis, std::int64_t at) { return at % x.dims[axis]; });
    return true;
  }
};

class Split final : public TensorFunction {
 public:
  Split(int axis, int num_outputs) : axis_(axis), num_outputs_(num_outputs) {}

  std::string_view onnx_name() const override { return "Split"; }
  std::vector<Attribute> attributes() const override {
    std::vector<Attribute> result{{"axis", std::int64_t{axis_}}};
    if (num_outputs_ > 0) result.push_back({"num_outputs", std::int64_t{num_outputs_}});
    return result;
  }
  int opset() const override { return num_outputs_ > 0 ? 18 : 13; }
  FunctionArity arity() const override {
    return {.inputs = 1, .max_inputs = 2, .outputs = 1, .max_outputs = 1 << 20};
  }
  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override;

 private:
  int axis_;
  int num_outputs_;
};

std::vector<TensorType> Split::output_types(const FunctionInputs& inputs) const {
  const Shape& x = inputs.shape(0);
  const int axis = normalized_axis(inputs.node(), axis_, x.rank());
  const std::size_t count = inputs.node().outputs.size();
  if (num_outputs_ > 0 && static_cast<std::size_t>(num_outputs_) != count) {
    fail_node(ErrorKind::kBadData, inputs.node(), "num_outputs is ", num_outputs_, " for ", count,
              " outputs, accepted: their number");
  }
  const auto parts = static_cast<std::int64_t>(count);
  std::vector<std::int64_t> sizes(count, kUnknownDim);
  if (inputs.has(1)) {
    if (auto given = sizes_input(inputs, 1)) sizes = std::move(*given);
    std::int64_t total = 0;
    for (const std::int64_t size : sizes) total = size < 0 || total < 0 ? -1 : total + size;
    if (sizes.size() != count || (x[axis] >= 0 && total >= 0 && total != x[axis])) {
      fail_node(ErrorKind::kBadData, inputs.node(), sizes.size(), " parts of together ", total,
                " for ", count, " outputs and axis ", axis, " of input ", to_string(x),
                ", accepted: one per output that fill the axis");
    }
  } else if (num_outputs_ == 0) {
    fail_node(ErrorKind::kBadData, inputs.node(), "neither sizes nor a number of parts");
  } else if (x[axis] >= 0) {
    const std::int64_t size = (x[axis] + parts - 1) / parts;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t left = x[axis] - size * static_cast<std::int64_t>(i);
      sizes[i] = std::clamp<std::int64_t>(left, 0, size);
    }
  }
  std::vector<TensorType> types;
  for (const std::int64_t size : sizes) {
    types.push_back({inputs.dtype(0), x});
    types.back().shape[axis] = size < 0 ? kUnknownDim : size;
  }
  return types;
}

bool Split::compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
                    std::byte*) const noexcept {
  const ConstTensorView& x = in[0];
  const auto axis = static_cast<std::size_t>(axis_ < 0 ? axis_ + x.rank : axis_);
  const bool given = in.size() > 1 && in[1].present;
  if (given && (in[1].rank != 1 || in[1].dims[0] != std::ssize(out))) return false;
  std::int64_t position = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t size = out[i].dims[axis];
    const auto at = static_cast<std::int64_t>(i) * (given ? in[1].strides[0] : 0);
    if (size > x.dims[axis] - position || (given && integer_at(in[1], at) != size)) return false;
    if (out[i].present) {
      copy_box(size_bytes(x.dtype), dims_of(out[i]), element_at(x, position * x.strides[axis]),
               x.strides, out[i].data, out[i].strides);
    }
    position += size;
  }
  return position == x.dims[axis];
}

/// Both directions between depth and space: one box of six axes, walked from either side.
class DepthSpace final : public TensorFunction {
 public:
  DepthSpace(bool to_space, std::int64_t block, DepthOrder order)
      : to_space_(to_space), block_(block), order_(order) {}

  std::string_view onnx_name() const override {
    return to_space_ ? "DepthToSpace" : "SpaceToDepth";
  }
  std::vector<Attribute> attributes() const override {
    std::vector<Attribute> result{{"blocksize", block_}};
    if (to_space_) {
      const bool dcr = order_ == DepthOrder::kDepthColumnRow;
      result.push_back({"mode", std::string(dcr ? "DCR" : "CRD")});
    }
    return result;
  }

  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_rank(inputs, 0, 4, 4);
    Shape result = inputs.shape(0);
    const auto divide = [&](int axis, std::int64_t by) {
      if (result[axis] >= 0 && result[axis] % by != 0) {
        fail_node(ErrorKind::kBadData, inputs.node(), "axis ", axis, " of input ",
                  to_string(inputs.shape(0)), " with blocksize ", block_,
                  ", accepted: a multiple of ", by);
      }
      result[axis] = result[axis] < 0 ? kUnknownDim : result[axis] / by;
    };
    const auto multiply = [&](int axis, std::int64_t by) {
      result[axis] = result[axis] < 0 ? kUnknownDim : result[axis] * by;
    };
    if (block_ < 1 || block_ > 1 << 20) {
      fail_node(ErrorKind::kBadData, inputs.node(), "blocksize ", block_, ", accepted: 1 or more");
    }
    if (to_space_) {
      divide(1, block_ * block_);
      multiply(2, block_);
      multiply(3, block_);
    } else {
      multiply(1, block_ * block_);
      divide(2, block_);
      divide(3, block_);
    }
    return {{inputs.dtype(0), result}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView& x = in[0];
    const ViewDims& space = to_space_ ? out[0].dims : x.dims;
    const ViewDims& depth = to_space_ ? x.dims : out[0].dims;
    for (std::size_t i : {2u, 3u}) {
      if (space[i] != depth[i] * block_) return false;
    }
    if (depth[1] != space[1] * block_ * block_ || depth[0] != space[0]) return false;
    // n, c, h, i, w, j: space at h * block + i, w * block + j.
    const ViewDims dims{space[0], space[1], depth[2], block_, depth[3], block_};
    const auto in_space = [&](const ViewDims& s) {
      return ViewDims{s[0], s[1], s[2] * block_, s[2], s[3] * block_, s[3]};
    };
    const bool dcr = order_ == DepthOrder::kDepthColumnRow;
    const std::int64_t channel = dcr ? 1 : block_ * block_;
    const std::int64_t column = dcr ? space[1] : 1;
    const auto in_depth = [&](const ViewDims& s) {
      return ViewDims{s[0], s[1] * channel, s[2], s[1] * column * block_, s[3], s[1] * column};
    };
    copy_box(size_bytes(x.dtype), std::span(dims).first(6), x.data,
             to_space_ ? in_depth(x.strides) : in_space(x.strides), out[0].data,
             to_space_ ? in_space(out[0].strides) : in_depth(out[0].strides));
    return true;
  }

 private:
  bool to_space_;
  std::int64_t block_;
  DepthOrder order_;
};

}  // namespace

Op expand() { return Function{std::make_shared<Expand>()}; }
Op tile() { return Function{std::make_shared<Tile>()}; }
Op split(int axis, int num_outputs) { return Function{std::make_shared<Split>(axis, num_outputs)}; }
Op depth_to_space(std::int64_t block, DepthOrder order) {
  return Function{std::make_shared<DepthSpace>(true, block, order)};
}
Op space_to_depth(std::int64_t block) {
  return Function{std::make_shared<DepthSpace>(false, block, DepthOrder::kDepthColumnRow)};
}

}  // namespace octet
