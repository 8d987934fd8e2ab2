#include "octet/graph/functions/reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "octet/graph/functions/matrix_product.h"
#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/reduction_loops.h"
#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

/// Floats are summed in double; integers as unsigned numbers, whose overflow is defined.
template <typename T>
using Sum = std::conditional_t<std::is_same_v<T, float>, double, std::uint64_t>;

template <typename T>
Sum<T> widened(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
  }
}

template <typename T>
double as_double(Sum<T> sum) {
  if constexpr (std::is_same_v<T, float>) {
    return sum;
  } else {
    return static_cast<double>(static_cast<std::int64_t>(sum));
  }
}

/// False for a number that an integer type T cannot hold.
template <typename T>
bool store(double value, T& result) {
  if constexpr (!std::is_same_v<T, float>) {
    // 2^63 as a double is the first number too large for int64.
    const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
    const auto lowest = static_cast<double>(std::numeric_limits<T>::lowest());
    if (!(value > lowest - 1.0 && value < limit)) return false;
  }
  result = static_cast<T>(value);
  return true;
}

/// A reduction as laid out in memory.
struct Problem {
  ConstTensorView x;
  TensorView y;
  Axes reduced;
  Strides y_strides{};  ///< by axis of x, 0 along the reduced ones
};

/// nullopt if y is not of the shape that the reduction of x has.
std::optional<Problem> lay_out(const ConstTensorView& x, const TensorView& y, const Axes& reduced,
                               bool keep_dims) {
  Problem problem{x, y, reduced, {}};
  int to = 0;
  for (int axis = 0; axis < x.rank; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (reduced[i] && !keep_dims) continue;
    const auto o = static_cast<std::size_t>(to++);
    if (to > y.rank || y.dims[o] != (reduced[i] ? 1 : x.dims[i])) return std::nullopt;
    if (!reduced[i]) problem.y_strides[i] = y.strides[o];
  }
  if (to != y.rank) return std::nullopt;
  return problem;
}

/// For each element of y: step(state, x) from `start` on over what it reduces, then
/// finish(state, y), which says whether the result is defined.
template <typename T, typename State, typename Step, typename Finish>
bool fold(const Problem& p, State start, Step step, Finish finish) {
  const auto kept = dims_along(p.x, ~p.reduced), reduced = dims_along(p.x, p.reduced);
  const T* x = p.x.as<T>();
  T* y = p.y.as<T>();
  bool defined = true;
  for_each_index<2>(first_axes(kept, p.x.rank), {p.x.strides, p.y_strides},
                    [&](std::int64_t, const auto& offsets) {
                      State state = start;
                      for_each_line<1>(first_axes(reduced, p.x.rank), {p.x.strides}, {offsets[0]},
                                       [&](const Line<1>& line) {
                                         const T* element = x + line.start[0];
                                         for (std::int64_t i = 0; i < line.count; ++i) {
                                           step(state, element[i * line.step[0]]);
                                         }
                                       });
                      defined = finish(state, y[offsets[1]]) && defined;
                    });
  return defined;
}

template <typename T>
bool extreme(const Problem& p, bool of_max) {
  using Limits = std::numeric_limits<T>;
  const T low = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  const T high = Limits::has_infinity ? Limits::infinity() : Limits::max();
  const auto keep = [](T state, T& y) {
    y = state;
    return true;
  };
  // x != x: a NaN stays, because no comparison with it holds.
  if (of_max) {
    return fold<T>(
        p, low,
        [](T& state, T x) {
          if (x > state || x != x) state = x;
        },
        keep);
  }
  return fold<T>(
      p, high,
      [](T& state, T x) {
        if (x < state || x != x) state = x;
      },
      keep);
}

template <typename T>
bool sum(const Problem& p, Sum<T> (*term)(T)) {
  return fold<T>(
      p, Sum<T>{0}, [&](Sum<T>& state, T x) { state += term(x); },
      [](Sum<T> state, T& y) {
        y = static_cast<T>(state);
        return true;
      });
}

template <typename T>
bool mean(const Problem& p) {
  const auto dims = dims_along(p.x, p.reduced);
  std::int64_t count = 1;
  for (const std::int64_t dim : first_axes(dims, p.x.rank)) count *= dim;
  return fold<T>(
      p, Sum<T>{0}, [](Sum<T>& state, T x) { state += widened(x); },
      [&](Sum<T> state, T& y) {
        if constexpr (std::is_same_v<T, float>) {
          y = static_cast<float>(state / static_cast<double>(count));
        } else {
          if (count == 0) return false;
          y = static_cast<T>(static_cast<std::int64_t>(state) / count);
        }
        return true;
      });
}

/// The sum relative to the largest exponent so far.
struct ExpSum {
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0.0;

  void add(double x) {
    if (x == -std::numeric_limits<double>::infinity()) return;
    if (x > largest) {
      sum = sum * std::exp(largest - x) + 1.0;
      largest = x;
    } else {
      sum += x == largest ? 1.0 : std::exp(x - largest);  // inf - inf is no number
    }
  }
};

template <typename T>
bool reduce_numbers(const Problem& p, Reduction reduction) {
  const auto square = [](T x) { return static_cast<Sum<T>>(widened(x) * widened(x)); };
  switch (reduction) {
    case Reduction::kSum:
      return sum<T>(p, widened<T>);
    case Reduction::kMean:
      return mean<T>(p);
    case Reduction::kMax:
    case Reduction::kMin:
      return extreme<T>(p, reduction == Reduction::kMax);
    case Reduction::kProd:
      return fold<T>(
          p, Sum<T>{1}, [](Sum<T>& state, T x) { state *= widened(x); },
          [](Sum<T> state, T& y) {
            y = static_cast<T>(state);
            return true;
          });
    case Reduction::kL1:
      return sum<T>(p, [](T x) { return x < T{0} ? Sum<T>{0} - widened(x) : widened(x); });
    case Reduction::kSumSquare:
      return sum<T>(p, square);
    case Reduction::kL2:
      return fold<T>(
          p, 0.0,
          [](double& state, T x) { state += static_cast<double>(x) * static_cast<double>(x); },
          [](double state, T& y) { return store(std::sqrt(state), y); });
    case Reduction::kLogSum:
      return fold<T>(
          p, Sum<T>{0}, [](Sum<T>& state, T x) { state += widened(x); },
          [](Sum<T> state, T& y) { return store(std::log(as_double<T>(state)), y); });
    case Reduction::kLogSumExp:
      return fold<T>(
          p, ExpSum{}, [](ExpSum& state, T x) { state.add(static_cast<double>(x)); },
          [](const ExpSum& state, T& y) { return store(state.largest + std::log(state.sum), y); });
  }
  return false;
}

bool reduce_view(const Problem& problem, Reduction reduction) {
  return with_type(problem.x.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, bool>) {
      return extreme<bool>(problem, reduction == Reduction::kMax);
    } else {
      return reduce_numbers<T>(problem, reduction);
    }
  });
}

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
  void search(const Problem& p, std::size_t axis) const {
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
