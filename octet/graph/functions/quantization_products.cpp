// Products of integers: MatMulInteger, QLinearMatMul, ConvInteger and QLinearConv.

#include "octet/graph/functions/quantization_products.h"

#include "octet/graph/functions/quantization.h"
#include "octet/graph/functions/quantization_elements.h"
#include "octet/graph/functions/window_axes.h"
#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

void require_bytes(const FunctionInputs& inputs, std::size_t input) {
  inputs.require_dtype(input, {DType::kInt8, DType::kUInt8});
}

[[noreturn]] void fail_parameter(const FunctionInputs& inputs, std::size_t input,
                                 std::int64_t count) {
  fail_node(ErrorKind::kBadData, inputs.node(), "input ", input, " of shape ",
            to_string(inputs.shape(input)), ", accepted: one element or ", count);
}

/// A scale or zero point: one element, or `count` in a vector.
void require_parameter(const FunctionInputs& inputs, std::size_t input, std::int64_t count) {
  if (!inputs.has(input)) return;
  const Shape& shape = inputs.shape(input);
  if (shape.rank() == 0) return;
  const bool fits =
      shape.rank() == 1 && (shape[0] < 0 || shape[0] == 1 || count < 0 || shape[0] == count);
  if (!fits) fail_parameter(inputs, input, count);
}

// ---- matrices ----

/// A parameter per row (axis -2) or per column (axis -1) of a stack of matrices: a scalar, a
/// vector, or a tensor [outer ..., rows, 1] or [outer ..., 1, columns].
struct MatrixParameter {
  ConstTensorView view{.present = false};
  std::array<std::int64_t, kMaxViewRank> outer{};  ///< strides under the output's outer dims
  std::int64_t step = 0;                           ///< from row to row, or from column to column

  MatrixParameter(const ConstTensorView& parameter, std::span<const std::int64_t> outer_dims,
                  bool per_row)
      : view(parameter) {
    if (!view.present || view.num_elements() <= 1) return;
    const auto rank = static_cast<std::size_t>(view.rank);
    if (rank == 1) {
      step = view.strides[0];
      return;
    }
    step = view.strides[rank - (per_row ? 2 : 1)];
    ConstTensorView front = view;
    front.rank = view.rank - 2;
    outer = broadcast_strides(front, outer_dims);
  }
};

Shape product_shape(const FunctionInputs& inputs, std::size_t a_index, std::size_t b_index) {
  const Shape &a = inputs.shape(a_index), &b = inputs.shape(b_index);
  const auto bad = [&](const char* accepted) {
    fail_node(ErrorKind::kBadData, inputs.node(), "inputs ", to_string(a), " and ", to_string(b),
              ", accepted: ", accepted);
  };
  if (a.rank() < 1 || b.rank() < 1) bad("rank 1 or more");
  if (a.rank() > kMaxViewRank || b.rank() > kMaxViewRank) bad("rank 8 or less");
  const std::int64_t k = a[a.rank() - 1], other = b[std::max(b.rank() - 2, 0)];
  if (k >= 0 && other >= 0 && k != other) bad("equal inner sizes");
  const int a_outer = std::max(a.rank() - 2, 0), b_outer = std::max(b.rank() - 2, 0);
  const int rank = std::max(a_outer, b_outer);
  std::vector<std::int64_t> dims;
  for (int i = 0; i < rank; ++i) {
    const int in_a = i - (rank - a_outer), in_b = i - (rank - b_outer);
    const std::int64_t left = in_a < 0 ? 1 : a[in_a], right = in_b < 0 ? 1 : b[in_b];
    if (left >= 0 && right >= 0 && left != right && left != 1 && right != 1) {
      bad("outer sizes that broadcast");
    }
    dims.push_back(left == 1 ? right : right == 1 ? left : left >= 0 ? left : right);
  }
  if (a.rank() > 1) dims.push_back(a[a.rank() - 2]);
  if (b.rank() > 1) dims.push_back(b[b.rank() - 1]);
  return Shape(std::move(dims));
}

/// A parameter of a: scalar, [rows] or [outer ..., rows, 1]; of b with `columns` at the end.
void require_matrix_parameter(const FunctionInputs& inputs, std::size_t input, const Shape& matrix,
                              bool per_row) {
  if (!inputs.has(input)) return;
  const Shape& shape = inputs.shape(input);
  const std::int64_t count = matrix.rank() < 2 ? 1 : matrix[matrix.rank() - (per_row ? 2 : 1)];
  if (shape.rank() < 2) {
    require_parameter(inputs, input, count);
    return;
  }
  bool fits = shape.rank() == matrix.rank();
  for (int i = 0; fits && i < shape.rank(); ++i) {
    const bool contracted = i == shape.rank() - (per_row ? 1 : 2);
    fits = shape[i] < 0 || matrix[i] < 0 || shape[i] == (contracted ? 1 : matrix[i]);
  }
  if (!fits) fail_parameter(inputs, input, count);
}

/// Whether sizes that are only known at run time agree.
bool product_fits(const ConstTensorView& a, const ConstTensorView& b,
                  std::initializer_list<const MatrixParameter*> of_rows) {
  const auto from_end = [](const ConstTensorView& v, int axis) {
    return v.rank >= axis ? v.dims[static_cast<std::size_t>(v.rank - axis)] : 1;
  };
  if (from_end(a, 1) != (b.rank > 1 ? from_end(b, 2) : from_end(b, 1))) return false;
  for (const MatrixParameter* parameter : of_rows) {
    const ConstTensorView& view = parameter->view;
    if (!view.present || view.num_elements() == 1) continue;
    if (from_end(view, view.rank > 1 ? 2 : 1) < from_end(a, 2)) return false;
    for (int i = 0; view.rank > 2 && i < view.rank - 2; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (view.dims[at] != 1 && view.dims[at] < a.dims[at]) return false;
    }
  }
  return true;
}

/// store(y offset, sum, offset of a's scale, of b's) for every element of a product. `parameters`:
/// zero points of a and b, then scales.
template <typename Store>
void multiply(const ConstTensorView& a, const ConstTensorView& b, const TensorView& y,
              const std::array<const MatrixParameter*, 4>& parameters, Store store) {
  const auto stride_of = [](const ConstTensorView& v, int from_end) {
    return v.rank >= from_end ? v.strides[static_cast<std::size_t>(v.rank - from_end)] : 0;
  };
  const std::int64_t inner = a.dims[static_cast<std::size_t>(a.rank - 1)];
  const std::int64_t rows = a.rank > 1 ? a.dims[static_cast<std::size_t>(a.rank - 2)] : 1;
  const std::int64_t columns = b.rank > 1 ? b.dims[static_cast<std::size_t>(b.rank - 1)] : 1;
  const std::int64_t a_row = a.rank > 1 ? stride_of(a, 2) : 0, a_inner = stride_of(a, 1);
  const std::int64_t b_inner = b.rank > 1 ? stride_of(b, 2) : stride_of(b, 1);
  const std::int64_t b_column = b.rank > 1 ? stride_of(b, 1) : 0;
  const int matrix_axes = (a.rank > 1) + (b.rank > 1);
  const std::int64_t y_column = b.rank > 1 ? y.strides[static_cast<std::size_t>(y.rank - 1)] : 0;
  const std::int64_t y_row =
      a.rank > 1 ? y.strides[static_cast<std::size_t>(y.rank - matrix_axes)] : 0;
  const std::span outer(y.dims.data(), static_cast<std::size_t>(y.rank - matrix_axes));
  const auto front = [](ConstTensorView v) {
    v.rank = std::max(v.rank - 2, 0);
    return v;
  };
  const auto& [a_zero, b_zero, a_scale, b_scale] = parameters;
  for_each_index<7>(
      outer,
      {broadcast_strides(front(a), outer), broadcast_strides(front(b), outer), y.strides,
       a_zero->outer, b_zero->outer, a_scale->outer, b_scale->outer},
      [&](std::int64_t, const std::array<std::int64_t, 7>& at) {
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t j = 0; j < columns; ++j) {
            const std::int64_t za =
                a_zero->view.present ? load_integer(a_zero->view, at[3] + i * a_zero->step) : 0;
            const std::int64_t zb =
                b_zero->view.present ? load_integer(b_zero->view, at[4] + j * b_zero->step) : 0;
            std::int64_t sum = 0;
            for (std::int64_t k = 0; k < inner; ++k) {
              sum += (load_integer(a, at[0] + i * a_row + k * a_inner) - za) *
                     (load_integer(b, at[1] + k * b_inner + j * b_column) - zb);
            }
            store(at[2] + i * y_row + j * y_column, sum, at[5] + i * a_scale->step,
                  at[6] + j * b_scale->step);
          }
        }
      });
}

std::span<const std::int64_t> outer_dims_of(const TensorView& y, const ConstTensorView& a,
                                            const ConstTensorView& b) {
  return {y.dims.data(), static_cast<std::size_t>(y.rank - (a.rank > 1) - (b.rank > 1))};
}

ConstTensorView optional(std::span<const ConstTensorView> inputs, std::size_t index) {
  return index < inputs.size() ? inputs[index] : ConstTensorView{.present = false};
}

class MatMulIntegerFunction final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "MatMulInteger"; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 4}; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_bytes(inputs, 0);
    require_bytes(inputs, 1);
    inputs.require_dtype(2, {inputs.dtype(0)});
    inputs.require_dtype(3, {inputs.dtype(1)});
    require_matrix_parameter(inputs, 2, inputs.shape(0), true);
    require_matrix_parameter(inputs, 3, inputs.shape(1), false);
    return {{DType::kInt32, product_shape(inputs, 0, 1)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const TensorView& y = outputs[0];
    const auto outer = outer_dims_of(y, inputs[0], inputs[1]);
    const MatrixParameter a_zero(optional(inputs, 2), outer, true);
    const MatrixParameter b_zero(optional(inputs, 3), outer, false);
    const MatrixParameter none({.present = false}, outer, true);
    if (!product_fits(inputs[0], inputs[1], {&a_zero})) return false;
    multiply(inputs[0], inputs[1], y, {&a_zero, &b_zero, &none, &none},
             [&](std::int64_t at, std::int64_t sum, std::int64_t, std::int64_t) {
               // ONNX leaves sums beyond 32 bits open; they wrap.
               y.as<std::int32_t>()[at] = static_cast<std::int32_t>(sum);
             });
    return true;
  }
};

float multiplier_of(float a_scale, float b_scale, float y_scale) {
  return static_cast<float>(static_cast<double>(a_scale) * static_cast<double>(b_scale) /
                            static_cast<double>(y_scale));
}

class QLinearMatMulFunction final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "QLinearMatMul"; }
  FunctionArity arity() const override { return {.inputs = 8, .max_inputs = 8}; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    for (const std::size_t input : {0u, 3u, 7u}) require_bytes(inputs, input);
    for (const std::size_t input : {1u, 4u, 6u}) inputs.require_dtype(input, {DType::kFloat32});
    inputs.require_dtype(2, {inputs.dtype(0)});
    inputs.require_dtype(5, {inputs.dtype(3)});
    for (const std::size_t input : {1u, 2u}) {
      require_matrix_parameter(inputs, input, inputs.shape(0), true);
    }
    for (const std::size_t input : {4u, 5u}) {
      require_matrix_parameter(inputs, input, inputs.shape(3), false);
    }
    for (const std::size_t input : {6u, 7u}) require_parameter(inputs, input, 1);
    return {{inputs.dtype(7), product_shape(inputs, 0, 3)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const TensorView& y = outputs[0];
    const auto outer = outer_dims_of(y, inputs[0], inputs[3]);
    const MatrixParameter a_scale(inputs[1], outer, true), a_zero(inputs[2], outer, true);
    const MatrixParameter b_scale(inputs[4], outer, false), b_zero(inputs[5], outer, false);
    if (!product_fits(inputs[0], inputs[3], {&a_scale, &a_zero})) return false;
    const float y_scale = *inputs[6].as<float>();
    const std::int64_t y_zero = load_integer(inputs[7], 0);
    const IntegerLimits limits = limits_of_integers(y.dtype);
    multiply(inputs[0], inputs[3], y, {&a_zero, &b_zero, &a_scale, &b_scale},
             [&](std::int64_t at, std::int64_t sum, std::int64_t sa, std::int64_t sb) {
               const float multiplier =
                   multiplier_of(inputs[1].as<float>()[sa], inputs[4].as<float>()[sb], y_scale);
               store_integer(y, at, saturate(static_cast<float>(sum) * multiplier, y_zero, limits));
             });
    return true;
  }
};

// ---- convolutions ----

/// Sums (x - x_zero) * (w - w_zero); the padding is the zero point.
template <typename Store>
void convolve_integers(const ConvOptions& options, const ConstTensorView& x,
                       const ConstTensorView& w, const TensorView& y, const PerChannel& x_zero,
                       const PerChannel& w_zero, Store store) {
  const WindowAxes axes = window_axes(options.window, x, std::span(w.dims).subspan(2));
  const std::int64_t zx = x_zero.zero_point(0);
  // The weights' zero point is the output channel's, so a channel needs sum(x) beside sum(x * w).
  struct Sums {
    std::int64_t products = 0, inputs = 0;
    Sums& operator+=(const Sums& other) {
      products += other.products;
      inputs += other.inputs;
      return *this;
    }
  };
  convolve<Sums>(
      axes, x, w, y, options.groups,
      [&](std::int64_t i, std::int64_t j) {
        const std::int64_t value = load_integer(x, i) - zx;
        return Sums{value * load_integer(w, j), value};
      },
      [&](std::int64_t at, std::int64_t channel, const Sums& sums) {
        store(at, channel, sums.products - w_zero.zero_point(channel) * sums.inputs);
      });
}

class ConvIntegerFunction final : public TensorFunction {
 public:
  explicit ConvIntegerFunction(ConvOptions options) : options_(std::move(options)) {}

  std::string_view onnx_name() const override { return "ConvInteger"; }
  std::vector<Attribute> attributes() const override {
    return conv_attributes(options_.window, options_.groups);
  }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 4}; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_bytes(inputs, 0);
    require_bytes(inputs, 1);
    inputs.require_dtype(2, {inputs.dtype(0)});
    inputs.require_dtype(3, {inputs.dtype(1)});
    const Shape y = conv_shape(inputs, options_, 0, 1);
    require_parameter(inputs, 2, 1);
    require_parameter(inputs, 3, y[1]);
    return {{DType::kInt32, y}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    auto* y = outputs[0].as<std::int32_t>();
    convolve_integers(options_, inputs[0], inputs[1], outputs[0], PerChannel(optional(inputs, 2)),
                      PerChannel(optional(inputs, 3)),
                      [&](std::int64_t at, std::int64_t, std::int64_t sum) {
                        y[at] = static_cast<std::int32_t>(sum);
                      });
    return true;
  }

 private:
  ConvOptions options_;
};

class QLinearConvFunction final : public TensorFunction {
 public:
  explicit QLinearConvFunction(ConvOptions options) : options_(std::move(options)) {}

  std::string_view onnx_name() const override { return "QLinearConv"; }
  std::vector<Attribute> attributes() const override {
    return conv_attributes(options_.window, options_.groups);
  }
  FunctionArity arity() const override { return {.inputs = 8, .max_inputs = 9}; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    for (const std::size_t input : {0u, 3u, 7u}) require_bytes(inputs, input);
    for (const std::size_t input : {1u, 4u, 6u}) inputs.require_dtype(input, {DType::kFloat32});
    inputs.require_dtype(2, {inputs.dtype(0)});
    inputs.require_dtype(5, {inputs.dtype(3)});
    inputs.require_dtype(8, {DType::kInt32});
    const Shape y = conv_shape(inputs, options_, 0, 3);
    for (const std::size_t input : {1u, 2u, 6u, 7u}) require_parameter(inputs, input, 1);
    for (const std::size_t input : {4u, 5u}) require_parameter(inputs, input, y[1]);
    if (inputs.has(8) && (inputs.shape(8).rank() != 1 ||
                          (inputs.shape(8)[0] >= 0 && y[1] >= 0 && inputs.shape(8)[0] != y[1]))) {
      fail_parameter(inputs, 8, y[1]);
    }
    return {{inputs.dtype(7), y}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const float x_scale = *inputs[1].as<float>(), y_scale = *inputs[6].as<float>();
    const PerChannel w_scale(inputs[4]);
    const std::int64_t y_zero = load_integer(inputs[7], 0);
    const IntegerLimits limits = limits_of_integers(outputs[0].dtype);
    const ConstTensorView bias = optional(inputs, 8);
    convolve_integers(
        options_, inputs[0], inputs[3], outputs[0], PerChannel(inputs[2]), PerChannel(inputs[5]),
        [&](std::int64_t at, std::int64_t channel, std::int64_t sum) {
          if (bias.present) sum += bias.as<std::int32_t>()[channel * bias.strides[0]];
          const float multiplier = multiplier_of(x_scale, w_scale.scale(channel), y_scale);
          store_integer(outputs[0], at,
                        saturate(static_cast<float>(sum) * multiplier, y_zero, limits));
        });
    return true;
  }

 private:
  ConvOptions options_;
};

}  // namespace

FunctionPointer mat_mul_integer_function() { return std::make_shared<MatMulIntegerFunction>(); }

Op conv_integer_function(ConvOptions options) {
  return Function{std::make_shared<ConvIntegerFunction>(std::move(options))};
}

Op qlinear_conv_function(ConvOptions options) {
  return Function{std::make_shared<QLinearConvFunction>(std::move(options))};
}

Op qlinear_matmul_function() { return Function{std::make_shared<QLinearMatMulFunction>()}; }

}  // namespace octet
