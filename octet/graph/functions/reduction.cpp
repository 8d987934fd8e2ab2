#include "octet/graph/functions/reduction.h"

#include <optional>

#include "octet/graph/functions/matrix_product.h"
#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/reduce_elements.h"
#include "octet/graph/functions/reduction_loops.h"
#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

/// The shape of a reduction over `reduced`.
Shape reduced_shape(const Shape& x, const Axes& reduced, bool keep_dims) {
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool is_reduced = reduced[static_cast<std::size_t>(axis)];
    if (!is_reduced) dims.push_back(x[axis]);
    if (is_reduced && keep_dims) dims.push_back(1);
  }
  return Shape(std::move(dims));
}

Axes all_axes(int rank) {
  Axes axes;
  for (int axis = 0; axis < rank; ++axis) axes.set(static_cast<std::size_t>(axis));
  return axes;
}

class ReduceFunction final : public TensorFunction {
 public:
  explicit ReduceFunction(const Reduce& options) : options_(options) {}

  std::string_view onnx_name() const override { return octet::onnx_name(options_.reduction); }
  std::vector<Attribute> attributes() const override {
    return {{"keepdims", std::int64_t{options_.keep_dims}},
            {"noop_with_empty_axes", std::int64_t{options_.noop_with_empty_axes}}};
  }
  int opset() const override {
    // The axes are an input since 18, of ReduceSum since 13. Max and Min take bool since 20.
    if (options_.reduction == Reduction::kSum) return 13;
    return is_extreme() ? 20 : 18;
  }
  FunctionArity arity() const override { return {.inputs = 1, .max_inputs = 2}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    if (is_extreme()) {
      inputs.require_dtype(0, {DType::kFloat32, DType::kInt64, DType::kInt32, DType::kInt8,
                               DType::kUInt8, DType::kBool});
    } else {
      inputs.require_dtype(0, {DType::kFloat32, DType::kInt64, DType::kInt32});
    }
    require_view_rank(inputs, 0);
    return {{inputs.dtype(0), shape_of(inputs)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const std::optional<Axes> axes = axes_at_run(inputs);
    if (!axes) return false;
    const auto problem = lay_out(inputs[0], outputs[0], *axes, options_.keep_dims);
    return problem && reduce_view(*problem, options_.reduction);
  }

 private:
  bool is_extreme() const {
    return options_.reduction == Reduction::kMax || options_.reduction == Reduction::kMin;
  }
  Axes without_axes(int rank) const {
    return options_.noop_with_empty_axes ? Axes{} : all_axes(rank);
  }

  Shape shape_of(const FunctionInputs& inputs) const {
    const Shape& x = inputs.shape(0);
    if (!inputs.has(1)) return reduced_shape(x, without_axes(x.rank()), options_.keep_dims);
    inputs.require_dtype(1, {DType::kInt64});
    if (inputs.shape(1).rank() != 1) {
      fail_node(ErrorKind::kBadData, inputs.node(), "axes of shape ", to_string(inputs.shape(1)),
                ", accepted: rank 1");
    }
    const auto listed = inputs.integers(1);
    if (!listed) return shape_over_unknown_axes(inputs);
    Axes axes;
    for (const std::int64_t axis : *listed) {
      const auto i = static_cast<std::size_t>(normalized_axis(inputs.node(), axis, x.rank()));
      if (axes[i]) {
        fail_node(ErrorKind::kBadData, inputs.node(), "axis ", axis, " is named twice");
      }
      axes.set(i);
    }
    if (listed->empty()) axes = without_axes(x.rank());
    return reduced_shape(x, axes, options_.keep_dims);
  }

  /// Which axes remain is unknown, but how many do follows from the number of axes.
  Shape shape_over_unknown_axes(const FunctionInputs& inputs) const {
    const Shape& x = inputs.shape(0);
    const std::int64_t count = inputs.shape(1)[0];
    if (count == 0 || (count < 0 && x.rank() == 0)) {
      return reduced_shape(x, without_axes(x.rank()), options_.keep_dims);
    }
    if (count > x.rank()) {
      fail_node(ErrorKind::kBadData, inputs.node(), count, " axes of a tensor of rank ", x.rank());
    }
    if (count == x.rank()) {
      return reduced_shape(x, all_axes(x.rank()), options_.keep_dims);
    }
    if (count < 0 && !options_.keep_dims) {
      fail_node(ErrorKind::kUnsupported, inputs.node(),
                "the number of axes is known only at run time, accepted: that with keepdims = 1");
    }
    const auto rank = static_cast<std::size_t>(options_.keep_dims ? x.rank() : x.rank() - count);
    std::vector<std::int64_t> dims(rank, kUnknownDim);
    for (std::size_t i = 0; options_.keep_dims && i < rank; ++i) {
      if (x[static_cast<int>(i)] == 1) dims[i] = 1;
    }
    return Shape(std::move(dims));
  }

  std::optional<Axes> axes_at_run(std::span<const ConstTensorView> inputs) const {
    const int rank = inputs[0].rank;
    if (inputs.size() < 2 || !inputs[1].present) return without_axes(rank);
    const ConstTensorView& listed = inputs[1];
    if (listed.rank != 1 || listed.dtype != DType::kInt64) return std::nullopt;
    if (listed.dims[0] == 0) return without_axes(rank);
    Axes axes;
    for (std::int64_t i = 0; i < listed.dims[0]; ++i) {
      const std::int64_t axis = listed.as<std::int64_t>()[i * listed.strides[0]];
      if (axis < -rank || axis >= rank) return std::nullopt;
      const auto bit = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
      if (axes[bit]) return std::nullopt;
      axes.set(bit);
    }
    return axes;
  }

  Reduce options_;
};

class ArgFunction final : public TensorFunction {
 public:
  explicit ArgFunction(const ArgExtreme& options) : options_(options) {}

  std::string_view onnx_name() const override { return options_.of_max ? "ArgMax" : "ArgMin"; }
  std::vector<Attribute> attributes() const override {
    return {{"axis", std::int64_t{options_.axis}},
            {"keepdims", std::int64_t{options_.keep_dims}},
            {"select_last_index", std::int64_t{options_.select_last_index}}};
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(
        0, {DType::kFloat32, DType::kInt64, DType::kInt32, DType::kInt8, DType::kUInt8});
    require_view_rank(inputs, 0);
    const Shape& x = inputs.shape(0);
    const int axis = normalized_axis(inputs.node(), options_.axis, x.rank());
    if (x[axis] == 0) {
      fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(x),
                " has no element along axis ", axis);
    }
    return {{DType::kInt64, reduced_shape(x, axis_bit(axis), options_.keep_dims)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const int rank = inputs[0].rank;
    const int axis = options_.axis < 0 ? options_.axis + rank : options_.axis;
    if (axis < 0 || axis >= rank || inputs[0].dims[static_cast<std::size_t>(axis)] == 0) {
      return false;
    }
    const auto problem = lay_out(inputs[0], outputs[0], axis_bit(axis), options_.keep_dims);
    if (!problem) return false;
    with_type(inputs[0].dtype,
              [&](auto zero) { search<decltype(zero)>(*problem, static_cast<std::size_t>(axis)); });
    return true;
  }

 private:
  static Axes axis_bit(int axis) { return Axes{}.set(static_cast<std::size_t>(axis)); }

  /// Whether `x` takes the place of `best`, which came before it.
  template <typename T>
  bool replaces(T x, T best) const {
    const bool x_is_nan = x != x, best_is_nan = best != best;
    if (x_is_nan || best_is_nan) {
      return x_is_nan && (!best_is_nan || options_.select_last_index);
    }
    if (x == best) return options_.select_last_index;
    return options_.of_max ? x > best : x < best;
  }

  template <typename T>
  void search(const ReductionProblem& p, std::size_t axis) const {
    const auto kept = dims_along(p.x, ~p.reduced);
    const T* x = p.x.as<T>();
    auto* y = p.y.as<std::int64_t>();
    const std::int64_t step = p.x.strides[axis];
    for_each_index<2>(first_axes(kept, p.x.rank), {p.x.strides, p.y_strides},
                      [&](std::int64_t, const auto& offsets) {
                        const T* element = x + offsets[0];
                        std::int64_t best = 0;
                        for (std::int64_t i = 1; i < p.x.dims[axis]; ++i) {
                          if (replaces(element[i * step], element[best * step])) best = i;
                        }
                        y[offsets[1]] = best;
                      });
  }

  ArgExtreme options_;
};

class GlobalPoolFunction final : public TensorFunction {
 public:
  explicit GlobalPoolFunction(bool of_max) : of_max_(of_max) {}

  std::string_view onnx_name() const override {
    return of_max_ ? "GlobalMaxPool" : "GlobalAveragePool";
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32});
    require_view_rank(inputs, 0);
    return {{DType::kFloat32, global_pool_shape(inputs.node(), inputs.shape(0))}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    Axes spatial = all_axes(inputs[0].rank);
    spatial.reset(0).reset(1);
    const auto problem = lay_out(inputs[0], outputs[0], spatial, true);
    return problem && reduce_view(*problem, of_max_ ? Reduction::kMax : Reduction::kMean);
  }

 private:
  bool of_max_;
};

}  // namespace

void require_view_rank(const FunctionInputs& inputs, std::size_t input) {
  if (!inputs.has(input) || inputs.shape(input).rank() <= kMaxViewRank) return;
  fail_node(ErrorKind::kUnsupported, inputs.node(), "input ", input, " of rank ",
            inputs.shape(input).rank(), ", accepted: up to ", kMaxViewRank);
}

std::string_view onnx_name(Reduction reduction) {
  switch (reduction) {
    case Reduction::kSum:
      return "ReduceSum";
    case Reduction::kMean:
      return "ReduceMean";
    case Reduction::kMax:
      return "ReduceMax";
    case Reduction::kMin:
      return "ReduceMin";
    case Reduction::kProd:
      return "ReduceProd";
    case Reduction::kL1:
      return "ReduceL1";
    case Reduction::kL2:
      return "ReduceL2";
    case Reduction::kLogSum:
      return "ReduceLogSum";
    case Reduction::kLogSumExp:
      return "ReduceLogSumExp";
    case Reduction::kSumSquare:
      break;
  }
  return "ReduceSumSquare";
}

Op reduce(const Reduce& options) { return Function{std::make_shared<ReduceFunction>(options)}; }

Op arg_extreme(const ArgExtreme& options) {
  return Function{std::make_shared<ArgFunction>(options)};
}

Op global_pool(bool of_max) { return Function{std::make_shared<GlobalPoolFunction>(of_max)}; }

FunctionPointer reduction_function_of(const Op& op) {
  if (std::holds_alternative<GlobalAveragePool>(op)) {
    return std::make_shared<GlobalPoolFunction>(false);
  }
  if (auto function = normalization_function_of(op)) return function;
  return matrix_product_function_of(op);
}

}  // namespace octet
