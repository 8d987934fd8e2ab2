// Tensors made from numbers, and sums and triangles along axes.

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/arrangement_views.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

class ReshapeAllowingZero final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Reshape"; }
  std::vector<Attribute> attributes() const override { return {{"allowzero", std::int64_t{1}}}; }
  int opset() const override { return 14; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }

  ElementFlow flow() const override { return ElementFlow::kMoves; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    const Shape& x = inputs.shape(0);
    const auto target = list_input(inputs, 1);
    if (!target) {
      const std::int64_t rank = list_length(inputs, 1);
      if (rank < 0 || rank > kMaxViewRank) {
        fail_node(ErrorKind::kUnsupported, inputs.node(), "a shape of ", to_string(inputs.shape(1)),
                  " numbers, accepted: up to ", kMaxViewRank);
      }
      return {{inputs.dtype(0), unknown_shape(static_cast<int>(rank))}};
    }
    const bool has_zero = std::ranges::find(*target, 0) != target->end();
    if (!has_zero && !target->empty()) {
      return {{inputs.dtype(0), reshape_shape(inputs.node(), Reshape{*target}, x)}};
    }
    const bool negative = std::ranges::any_of(*target, [](std::int64_t dim) { return dim < 0; });
    const bool full = x.is_static() && x.num_elements() != (has_zero ? 0 : 1);
    if (negative || full) {
      fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(x), " to dims ",
                to_string(Shape(*target)), ", accepted: as many elements, no -1 beside a 0");
    }
    return {{inputs.dtype(0), Shape(*target)}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    if (in[0].num_elements() != out[0].num_elements()) return false;
    copy_in_order(in[0], out[0]);
    return true;
  }
};

/// How many numbers start, start + delta ... lie before limit; nullopt for no sensible answer.
std::optional<std::int64_t> range_length(double start, double limit, double delta) {
  const double steps = std::ceil((limit - start) / delta);
  if (delta == 0 || !(steps <= static_cast<double>(kMaxElements))) return std::nullopt;
  return std::max<std::int64_t>(0, steps < 0 ? 0 : static_cast<std::int64_t>(steps));
}

/// The same for integers, exactly.
std::optional<std::int64_t> range_length(std::int64_t start, std::int64_t limit,
                                         std::int64_t delta) {
  if (delta == 0) return std::nullopt;
  if (delta > 0 ? limit <= start : limit >= start) return 0;
  // The difference of two int64 fits uint64.
  const std::uint64_t distance =
      delta > 0 ? static_cast<std::uint64_t>(limit) - static_cast<std::uint64_t>(start)
                : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(limit);
  const std::uint64_t step = delta > 0 ? static_cast<std::uint64_t>(delta)
                                       : std::uint64_t{0} - static_cast<std::uint64_t>(delta);
  const std::uint64_t count = (distance - 1) / step + 1;
  if (count > static_cast<std::uint64_t>(kMaxElements)) return std::nullopt;
  return static_cast<std::int64_t>(count);
}

class Range final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Range"; }
  FunctionArity arity() const override { return {.inputs = 3, .max_inputs = 3}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32, DType::kInt64, DType::kInt32});
    inputs.require_equal_dtypes();
    // Some exporters write [1] for a scalar.
    for (std::size_t i = 0; i < 3; ++i) require_rank(inputs, i, 0, 1);
    std::array<std::optional<double>, 3> real;
    std::array<std::optional<std::int64_t>, 3> whole;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto floats = inputs.floats(i);
      const auto integers = inputs.integers(i);
      if ((floats && floats->size() != 1) || (integers && integers->size() != 1)) {
        fail_node(ErrorKind::kBadData, inputs.node(), "input ", i, " of shape ",
                  to_string(inputs.shape(i)), ", accepted: one number");
      }
      if (floats) real[i] = floats->front();
      if (integers) whole[i] = integers->front();
    }
    std::int64_t count = kUnknownDim;
    const bool is_float = inputs.dtype(0) == DType::kFloat32;
    if (is_float ? real[0] && real[1] && real[2] : whole[0] && whole[1] && whole[2]) {
      const auto length = is_float ? range_length(*real[0], *real[1], *real[2])
                                   : range_length(*whole[0], *whole[1], *whole[2]);
      if (!length) {
        fail_node(ErrorKind::kBadData, inputs.node(),
                  "a range without end, accepted: a delta other than 0 and up to 2^40 elements");
      }
      count = *length;
    } else if (whole[0] == 0 && whole[2] == 1) {
      const auto limit = inputs.integers(1, true);
      if (limit && limit->size() == 1 && limit->front() == kDynamicDim) count = kDynamicDim;
    }
    return {{inputs.dtype(0), Shape{count}}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    for (const ConstTensorView& scalar : in) {
      if (scalar.num_elements() != 1) return false;
    }
    const std::int64_t count = out[0].dims[0];
    if (in[0].dtype == DType::kFloat32) {
      const double start = in[0].as<float>()[0], delta = in[2].as<float>()[0];
      if (range_length(start, in[1].as<float>()[0], delta) != count) return false;
      for (std::int64_t i = 0; i < count; ++i) {
        out[0].as<float>()[i * out[0].strides[0]] =
            static_cast<float>(start + static_cast<double>(i) * delta);
      }
      return true;
    }
    const std::int64_t start = integer_at(in[0], 0), delta = integer_at(in[2], 0);
    if (range_length(start, integer_at(in[1], 0), delta) != count) return false;
    for (std::int64_t i = 0; i < count; ++i) {
      // Modulo 2^64: i * delta alone may exceed int64 where the sum does not.
      const auto value = static_cast<std::int64_t>(static_cast<std::uint64_t>(start) +
                                                   static_cast<std::uint64_t>(i) *
                                                       static_cast<std::uint64_t>(delta));
      const std::int64_t at = i * out[0].strides[0];
      if (in[0].dtype == DType::kInt64) {
        out[0].as<std::int64_t>()[at] = value;
      } else {
        out[0].as<std::int32_t>()[at] = static_cast<std::int32_t>(value);
      }
    }
    return true;
  }
};

class Size final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Size"; }
  std::vector<TensorType> output_types(const FunctionInputs&) const override {
    return {{DType::kInt64, Shape{}}};
  }
  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    out[0].as<std::int64_t>()[0] = in[0].num_elements();
    return true;
  }
};

class Trilu final : public TensorFunction {
 public:
  explicit Trilu(bool upper) : upper_(upper) {}

  std::string_view onnx_name() const override { return "Trilu"; }
  std::vector<Attribute> attributes() const override {
    return {{"upper", std::int64_t{upper_ ? 1 : 0}}};
  }
  int opset() const override { return 14; }
  FunctionArity arity() const override { return {.inputs = 1, .max_inputs = 2}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_rank(inputs, 0, 2, kMaxViewRank);
    if (inputs.has(1)) {
      inputs.require_dtype(1, {DType::kInt64});
      require_rank(inputs, 1, 0, 1);
    }
    return {{inputs.dtype(0), inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView& x = in[0];
    std::int64_t diagonal = 0;
    if (in.size() > 1 && in[1].present) {
      if (in[1].num_elements() != 1) return false;
      diagonal = integer_at(in[1], 0);
    }
    const auto rows = static_cast<std::size_t>(x.rank - 2), columns = rows + 1;
    constexpr std::array<std::byte, 8> kZero{};
    const std::int64_t height = x.dims[rows], width = x.dims[columns];
    diagonal = std::clamp(diagonal, -height, width);
    fill_view(out[0], kZero.data());
    for_each_index<2>(
        dims_of(x).first(rows), {x.strides, out[0].strides},
        [&](std::int64_t, const std::array<std::int64_t, 2>& offsets) {
          for (std::int64_t row = 0; row < height; ++row) {
            const std::int64_t border =
                std::clamp<std::int64_t>(row + diagonal + (upper_ ? 0 : 1), 0, width);
            const std::int64_t first = upper_ ? border : 0;
            const std::int64_t count[] = {upper_ ? width - border : border};
            copy_box(size_bytes(x.dtype), count,
                     element_at(x, offsets[0] + row * x.strides[rows] + first * x.strides[columns]),
                     ViewDims{x.strides[columns]},
                     element_at(out[0], offsets[1] + row * out[0].strides[rows] +
                                            first * out[0].strides[columns]),
                     ViewDims{out[0].strides[columns]});
          }
        });
    return true;
  }

 private:
  bool upper_;
};

class CumSum final : public TensorFunction {
 public:
  explicit CumSum(CumSumOptions options) : options_(options) {}

  std::string_view onnx_name() const override { return "CumSum"; }
  std::vector<Attribute> attributes() const override {
    return {{"exclusive", std::int64_t{options_.exclusive ? 1 : 0}},
            {"reverse", std::int64_t{options_.reverse ? 1 : 0}}};
  }
  int opset() const override { return 14; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32, DType::kInt64, DType::kInt32});
    require_integers(inputs, 1);
    require_rank(inputs, 1, 0, 1);
    if (const auto axis = inputs.integers(1); axis && axis->size() == 1) {
      normalized_axis(inputs.node(), axis->front(), inputs.shape(0).rank());
    }
    return {{inputs.dtype(0), inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> in, std::span<const TensorView> out,
               std::byte*) const noexcept override {
    const ConstTensorView& x = in[0];
    if (in[1].num_elements() != 1) return false;
    std::int64_t axis = integer_at(in[1], 0);
    if (!normalize_index(axis, x.rank)) return false;
    switch (x.dtype) {
      case DType::kFloat32:
        sum<float, float>(x, out[0], static_cast<std::size_t>(axis));
        return true;
      case DType::kInt64:
        sum<std::int64_t, std::uint64_t>(x, out[0], static_cast<std::size_t>(axis));
        return true;
      case DType::kInt32:
        sum<std::int32_t, std::uint32_t>(x, out[0], static_cast<std::size_t>(axis));
        return true;
      default:
        return false;
    }
  }

 private:
  /// Sums in Total, unsigned for integers, which wrap.
  template <typename T, typename Total>
  void sum(const ConstTensorView& x, const TensorView& out, std::size_t axis) const {
    ViewDims starts = x.dims;
    const std::int64_t count = x.dims[axis];
    starts[axis] = std::min<std::int64_t>(count, 1);
    for_each_index<2>(
        std::span(starts).first(static_cast<std::size_t>(x.rank)), {x.strides, out.strides},
        [&](std::int64_t, const std::array<std::int64_t, 2>& offsets) {
          Total total{};
          for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t at = options_.reverse ? count - 1 - i : i;
            const auto element = static_cast<Total>(x.as<T>()[offsets[0] + at * x.strides[axis]]);
            T& result = out.as<T>()[offsets[1] + at * out.strides[axis]];
            if (options_.exclusive) result = static_cast<T>(total);
            total += element;
            if (!options_.exclusive) result = static_cast<T>(total);
          }
        });
  }

  CumSumOptions options_;
};

}  // namespace

Op reshape_allowing_zero() { return Function{std::make_shared<ReshapeAllowingZero>()}; }
Op range() { return Function{std::make_shared<Range>()}; }
Op size_of_tensor() { return Function{std::make_shared<Size>()}; }
Op trilu(bool upper) { return Function{std::make_shared<Trilu>(upper)}; }
Op cum_sum(CumSumOptions options) { return Function{std::make_shared<CumSum>(options)}; }

}  // namespace octet
