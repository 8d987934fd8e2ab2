#include "octet/graph/functions/matrix_product.h"

#include <algorithm>
#include <type_traits>

#include "octet/graph/functions/reduction_loops.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

// The product is computed in tiles of kTileRows x kTileColumns, which the compiler keeps in
// registers, over blocks of kBlock along the inner axis. Rows and columns are first copied so that
// a tile reads both in order, whatever the strides of the views: activations of rank 4 are stored
// channels-last, where neither operand of an attention product is dense.
constexpr int kTileRows = 4, kTileColumns = 8;
constexpr std::int64_t kBlock = 512;

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

/// c [m, n] = a [m, k] x b [k, n] + bias [n], clamped. Strides are in elements.
template <typename T>
struct Product {
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_row, a_column;
  const T* b;
  std::int64_t b_row, b_column;
  const T* bias;  ///< null: 0
  std::int64_t bias_step;
  T* c;
  std::int64_t c_row, c_column;
  Clamp clamp;
  T* packed_a;  ///< scratch: [m / kTileRows, rounded up][block][kTileRows]
  T* packed_b;  ///< scratch: [block][kTileColumns]
};

/// Signed overflow is undefined, so integers are multiplied as unsigned ones.
template <typename T>
using Wrapping = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                             std::type_identity<T>>::type;

/// to[i][j] = from[i * row + j * column], `width` wide, 0 where j >= used.
template <typename T>
void pack(const T* from, std::int64_t row, std::int64_t column, std::int64_t rows,
          std::int64_t used, std::int64_t width, T* to) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < used; ++j) to[j] = from[i * row + j * column];
    for (std::int64_t j = used; j < width; ++j) to[j] = T{0};
    to += width;
  }
}

template <typename T>
void tile(const Product<T>& p, const T* a, std::int64_t block, std::int64_t row,
          std::int64_t column, bool is_first, bool is_last) {
  Wrapping<T> sums[kTileRows][kTileColumns] = {};
  const T* b = p.packed_b;
  for (std::int64_t k = 0; k < block; ++k, a += kTileRows, b += kTileColumns) {
    for (int r = 0; r < kTileRows; ++r) {
      for (int j = 0; j < kTileColumns; ++j) {
        sums[r][j] += static_cast<Wrapping<T>>(a[r]) * static_cast<Wrapping<T>>(b[j]);
      }
    }
  }
  const std::int64_t rows = std::min<std::int64_t>(kTileRows, p.m - row);
  const std::int64_t columns = std::min<std::int64_t>(kTileColumns, p.n - column);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < columns; ++j) {
      T& c = p.c[(row + r) * p.c_row + (column + j) * p.c_column];
      const T start = !is_first ? c : p.bias ? p.bias[(column + j) * p.bias_step] : T{0};
      T value = static_cast<T>(static_cast<Wrapping<T>>(start) + sums[r][j]);
      if constexpr (std::is_same_v<T, float>) {
        if (is_last && !p.clamp.is_identity()) {
          value = std::min(std::max(value, p.clamp.low), p.clamp.high);
        }
      }
      c = value;
    }
  }
}

template <typename T>
void multiply(const Product<T>& p) {
  // A product over nothing is one block of length 0: it writes the bias.
  for (std::int64_t k = 0; k == 0 || k < p.k; k += kBlock) {
    const std::int64_t block = std::min(kBlock, p.k - k);
    for (std::int64_t row = 0; row < p.m; row += kTileRows) {
      pack(p.a + row * p.a_row + k * p.a_column, p.a_column, p.a_row, block,
           std::min<std::int64_t>(kTileRows, p.m - row), kTileRows, p.packed_a + row * block);
    }
    for (std::int64_t column = 0; column < p.n; column += kTileColumns) {
      pack(p.b + k * p.b_row + column * p.b_column, p.b_row, p.b_column, block,
           std::min<std::int64_t>(kTileColumns, p.n - column), kTileColumns, p.packed_b);
      for (std::int64_t row = 0; row < p.m; row += kTileRows) {
        tile(p, p.packed_a + row * block, block, row, column, k == 0, k + kBlock >= p.k);
      }
    }
  }
}

std::size_t packed_bytes(std::int64_t m, std::int64_t k, DType dtype) {
  const std::int64_t block = std::min(kBlock, k);
  return static_cast<std::size_t>((round_up(m, kTileRows) + kTileColumns) * block) *
         size_bytes(dtype);
}

/// The two last axes of a view as a matrix, and the others. An axis that a vector lacks has size 1.
struct Matrix {
  std::int64_t rows = 1, columns = 1, row_step = 0, column_step = 0;
  ConstTensorView batch;
};

Matrix matrix_of(const ConstTensorView& view, bool has_rows, bool has_columns) {
  Matrix matrix;
  matrix.batch = view;
  const auto take = [&](std::int64_t& size, std::int64_t& step) {
    const auto last = static_cast<std::size_t>(--matrix.batch.rank);
    size = view.dims[last];
    step = view.strides[last];
  };
  if (has_columns) take(matrix.columns, matrix.column_step);
  if (has_rows) take(matrix.rows, matrix.row_step);
  return matrix;
}

bool broadcasts_to(const ConstTensorView& from, const ConstTensorView& to) {
  if (from.rank > to.rank) return false;
  for (int axis = 0; axis < from.rank; ++axis) {
    const std::int64_t dim = from.dims[static_cast<std::size_t>(axis)];
    if (dim != 1 && dim != to.dims[static_cast<std::size_t>(axis + to.rank - from.rank)]) {
      return false;
    }
  }
  return true;
}

void require_number(const FunctionInputs& inputs) {
  inputs.require_dtype(0, {DType::kFloat32, DType::kInt64, DType::kInt32});
  inputs.require_equal_dtypes();
  for (std::size_t i = 0; i < inputs.size(); ++i) require_view_rank(inputs, i);
}

/// Calls `run` with a value of the elements' type.
template <typename Run>
bool with_number(DType dtype, Run run) {
  switch (dtype) {
    case DType::kFloat32:
      run(float{});
      return true;
    case DType::kInt32:
      run(std::int32_t{});
      return true;
    case DType::kInt64:
      run(std::int64_t{});
      return true;
    default:
      return false;
  }
}

template <typename T>
Product<T> product_of(const Matrix& a, const Matrix& b, const Matrix& c, T* target,
                      std::byte* scratch) {
  Product<T> p{};
  p.m = a.rows;
  p.n = b.columns;
  p.k = a.columns;
  p.a = a.batch.as<T>();
  p.a_row = a.row_step;
  p.a_column = a.column_step;
  p.b = b.batch.as<T>();
  p.b_row = b.row_step;
  p.b_column = b.column_step;
  p.c = target;
  p.c_row = c.row_step;
  p.c_column = c.column_step;
  p.packed_a = reinterpret_cast<T*>(scratch);
  p.packed_b = p.packed_a + round_up(p.m, kTileRows) * std::min(kBlock, p.k);
  return p;
}

ConstTensorView as_const(const TensorView& view) {
  return {view.dtype, view.rank, view.dims, view.strides, view.data, view.present};
}

class MatMulFunction final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "MatMul"; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_number(inputs);
    return {{inputs.dtype(0), matmul_shape(inputs.node(), inputs.shape(0), inputs.shape(1))}};
  }

  std::size_t scratch_bytes(std::span<const TensorType> inputs,
                            std::span<const TensorType>) const override {
    const Shape& a = inputs[0].shape;
    const std::int64_t m = a.rank() > 1 ? a[a.rank() - 2] : 1;
    return packed_bytes(m, a[a.rank() - 1], inputs[0].dtype);
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte* scratch) const noexcept override {
    const bool has_rows = inputs[0].rank > 1, has_columns = inputs[1].rank > 1;
    if (inputs[0].rank < 1 || inputs[1].rank < 1) return false;
    if (outputs[0].rank < int{has_rows} + int{has_columns}) return false;
    const Matrix a = matrix_of(inputs[0], has_rows, true);
    const Matrix b = matrix_of(inputs[1], true, has_columns);
    const Matrix c = matrix_of(as_const(outputs[0]), has_rows, has_columns);
    if (a.columns != b.rows || c.rows != a.rows || c.columns != b.columns ||
        !broadcasts_to(a.batch, c.batch) || !broadcasts_to(b.batch, c.batch)) {
      return false;
    }
    return with_number(inputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      const Product<T> first = product_of<T>(a, b, c, outputs[0].as<T>(), scratch);
      const auto dims = first_axes(c.batch.dims, c.batch.rank);
      for_each_index<3>(
          dims,
          {broadcast_strides(a.batch, dims), broadcast_strides(b.batch, dims), c.batch.strides},
          [&](std::int64_t, const auto& offsets) {
            Product<T> p = first;
            p.a += offsets[0];
            p.b += offsets[1];
            p.c += offsets[2];
            multiply(p);
          });
    });
  }
};

class GemmFunction final : public TensorFunction {
 public:
  explicit GemmFunction(const Gemm& gemm) : gemm_(gemm) {}

  std::string_view onnx_name() const override { return "Gemm"; }
  std::vector<Attribute> attributes() const override {
    return {{"transB", std::int64_t{gemm_.transpose_b}}};
  }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 3}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_number(inputs);
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      shapes.push_back(inputs.has(i) ? inputs.shape(i) : Shape());
    }
    return {{inputs.dtype(0), gemm_shape(inputs.node(), gemm_, shapes)}};
  }

  std::size_t scratch_bytes(std::span<const TensorType> inputs,
                            std::span<const TensorType>) const override {
    return packed_bytes(inputs[0].shape[0], inputs[0].shape[1], inputs[0].dtype);
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte* scratch) const noexcept override {
    if (inputs[0].rank != 2 || inputs[1].rank != 2 || outputs[0].rank != 2) return false;
    const Matrix a = matrix_of(inputs[0], true, true);
    Matrix b = matrix_of(inputs[1], true, true);
    if (gemm_.transpose_b) {
      std::swap(b.rows, b.columns);
      std::swap(b.row_step, b.column_step);
    }
    const Matrix c = matrix_of(as_const(outputs[0]), true, true);
    const bool has_bias = inputs.size() > 2 && inputs[2].present;
    if (a.columns != b.rows || c.rows != a.rows || c.columns != b.columns ||
        (has_bias && (inputs[2].rank != 1 || inputs[2].dims[0] != b.columns))) {
      return false;
    }
    return with_number(inputs[0].dtype, [&](auto zero) {
      using T = decltype(zero);
      Product<T> p = product_of<T>(a, b, c, outputs[0].as<T>(), scratch);
      p.clamp = gemm_.activation;
      if (has_bias) {
        p.bias = inputs[2].as<T>();
        p.bias_step = inputs[2].strides[0];
      }
      multiply(p);
    });
  }

 private:
  Gemm gemm_;
};

}  // namespace

FunctionPointer matrix_product_function_of(const Op& op) {
  if (std::holds_alternative<MatMul>(op)) return std::make_shared<MatMulFunction>();
  if (const auto* gemm = std::get_if<Gemm>(&op)) return std::make_shared<GemmFunction>(*gemm);
  return nullptr;
}

}  // namespace octet
