#include "octet/runtime/steps/matrix_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "octet/base/error.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"
#include "octet/runtime/steps/packed_weights.h"

namespace octet {
namespace {

constexpr int kColumns = 64;  // of B that are packed at a time; whole panels of every kernel

constexpr std::size_t padded_bytes(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The matrices of a tensor [..., rows, columns]: where they lie and how many there are.
struct Matrices {
  BufferId buffer{};
  std::int64_t row = 0, column = 0;  ///< strides of a matrix
  std::array<std::int64_t, kMaxViewRank> batch_strides{};
  Shape batch;  ///< dims[0] may be kDynamicDim
};

/// `located` with `rank` axes, those that are missing in front being of size 1.
Matrices matrices_of(const Located& located, int rank) {
  const int own = located.dims.rank(), missing = rank - own;
  Matrices result{.buffer = located.buffer,
                  .row = located.strides[static_cast<std::size_t>(own - 2)],
                  .column = located.strides[static_cast<std::size_t>(own - 1)]};
  std::vector<std::int64_t> dims(static_cast<std::size_t>(rank - 2), 1);
  for (int axis = std::max(0, missing); axis < rank - 2; ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    dims[at] = located.dims[axis - missing];
    result.batch_strides[at] = located.strides[static_cast<std::size_t>(axis - missing)];
  }
  result.batch = Shape(dims);
  return result;
}

/// sum (a - a_zero) * (b - b_zero) with b' = b - 128 as the kernel's weights and d = 128 - b_zero:
///   sum a * b'  -  a_zero * sum (b - b_zero)  +  d * sum a
/// The second term is the kernel's bias per column, the third its bias per row. Up to 33,025
/// products no partial sum leaves int32: each term of the sum, whether its a * b' is in already or
/// not, lies within 255 * 255.
class ProductStep final : public Step {
 public:
  ProductStep(const GemmU8S8Kernel& kernel, Matrices a, Matrices b, Matrices c, Shape rows, int k,
              int n)
      : kernel_(kernel),
        a_(std::move(a)),
        b_(std::move(b)),
        c_(std::move(c)),
        rows_(std::move(rows)),
        k_(k),
        n_(n) {}

  std::size_t packed_bytes() const {
    return padded_bytes(kernel_.packed_bytes(1, k_, padded_columns()));
  }
  int padded_columns() const { return (n_ + kColumns - 1) / kColumns * kColumns; }
  std::size_t scratch_bytes() const { return std::max(pack_bytes(), tile_bytes()); }

  struct Requantization {
    std::int32_t a_zero = 0, b_zero = 0, c_zero = 0, q_low = 0, q_high = 255;
    BufferId multiplier{};
  };
  void prepare(const Requantization& requantization, BufferId packed, BufferId bias) {
    q_ = requantization;
    packed_ = packed;
    bias_ = bias;
  }

  void run(const RunContext& context) noexcept override {
    pack(context);
    multiply(context);
  }

 private:
  std::size_t row_bytes() const { return padded_bytes(static_cast<std::size_t>(k_) + 64); }
  std::size_t mr() const { return static_cast<std::size_t>(kernel_.mr); }
  std::size_t pack_bytes() const { return kColumns * static_cast<std::size_t>(k_); }
  std::size_t tile_bytes() const {
    return padded_bytes(mr() * sizeof(void*)) + padded_bytes(mr() * sizeof(std::int32_t)) +
           mr() * row_bytes() + padded_bytes(mr() * static_cast<std::size_t>(n_)) +
           kernel_.scratch_bytes(1, k_);
  }
  static std::int64_t count_of(const RunContext& context, const Shape& batch) noexcept {
    std::int64_t count = batch.rank() > 0 ? context.outer(batch) : 1;
    for (int axis = 1; axis < batch.rank(); ++axis) count *= batch[axis];
    return count;
  }

  /// The element offset of matrix `index` of the batch `dims` in `matrices`, and which of its own
  /// matrices that is.
  static std::int64_t place(const RunContext& context, const Shape& dims, std::int64_t index,
                            const Matrices& matrices, std::int64_t* own_index) noexcept {
    std::int64_t offset = 0, own = 0, step = 1;
    for (int axis = dims.rank() - 1; axis >= 0; --axis) {
      const std::int64_t dim = axis == 0 ? context.outer(dims) : dims[axis];
      const std::int64_t size = axis == 0 ? context.outer(matrices.batch) : matrices.batch[axis];
      const std::int64_t at = size == 1 ? 0 : index % dim;
      index /= dim;
      offset += at * matrices.batch_strides[static_cast<std::size_t>(axis)];
      own += at * step;
      step *= size;
    }
    *own_index = own;
    return offset;
  }

  void pack(const RunContext& context) const noexcept {
    const std::int64_t blocks = padded_columns() / kColumns;
    const std::int64_t grain = std::max<std::int64_t>(1, 100'000 / (std::int64_t{kColumns} * k_));
    context.pool->parallel_for(count_of(context, b_.batch) * blocks, grain,
                               [&](std::int64_t begin, std::int64_t end, int thread) {
                                 for (std::int64_t i = begin; i < end; ++i) {
                                   pack_block(context, i / blocks,
                                              static_cast<int>(i % blocks) * kColumns, thread);
                                 }
                               });
  }

  void pack_block(const RunContext& context, std::int64_t matrix, int first,
                  int thread) const noexcept {
    std::int64_t own = 0;
    const auto* b = context.get<std::uint8_t>(b_.buffer) +
                    place(context, b_.batch, matrix, b_, &own) + first * b_.column;
    const int columns = std::min(kColumns, n_ - first);
    auto* transposed = context.thread_scratch<std::int8_t>(thread);
    std::int32_t sums[kColumns] = {};
    for (int k = 0; k < k_; ++k) {
      for (int j = 0; j < columns; ++j) {
        const int code = b[k * b_.row + j * b_.column];
        transposed[static_cast<std::ptrdiff_t>(j) * k_ + k] = static_cast<std::int8_t>(code - 128);
        sums[j] += code;
      }
    }
    auto* packed = context.get<std::byte>(packed_) +
                   static_cast<std::size_t>(matrix) * packed_bytes() +
                   kernel_.packed_bytes(1, k_, first);
    std::memset(packed, 0, kernel_.packed_bytes(1, k_, columns));
    kernel_.pack(1, k_, columns, transposed, packed);
    auto* bias = context.get<std::int32_t>(bias_) + matrix * padded_columns() + first;
    for (int j = 0; j < kColumns; ++j) {
      bias[j] = j < columns ? -q_.a_zero * (sums[j] - k_ * q_.b_zero) : 0;
    }
  }

  void multiply(const RunContext& context) const noexcept {
    const std::int64_t rows = rows_.rank() > 0 ? context.outer(rows_) : 1;
    const std::int64_t tiles = (rows + kernel_.mr - 1) / kernel_.mr;
    const std::int64_t grain = std::max<std::int64_t>(
        1, 1'000'000 / (static_cast<std::int64_t>(kernel_.mr) * k_ * n_ + 1));
    context.pool->parallel_for(
        count_of(context, c_.batch) * tiles, grain,
        [&](std::int64_t begin, std::int64_t end, int thread) {
          for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t first = i % tiles * kernel_.mr;
            const auto count = static_cast<int>(std::min<std::int64_t>(kernel_.mr, rows - first));
            multiply_tile(context, i / tiles, first, count, thread);
          }
        });
  }

  void multiply_tile(const RunContext& context, std::int64_t matrix, std::int64_t first, int count,
                     int thread) const noexcept {
    auto* scratch = context.thread_scratch<std::byte>(thread);
    auto* rows = reinterpret_cast<const std::uint8_t**>(scratch);
    scratch += padded_bytes(mr() * sizeof(void*));
    auto* row_bias = reinterpret_cast<std::int32_t*>(scratch);
    scratch += padded_bytes(mr() * sizeof(std::int32_t));
    auto* gathered = reinterpret_cast<std::uint8_t*>(scratch);
    scratch += mr() * row_bytes();
    auto* results = reinterpret_cast<std::uint8_t*>(scratch);
    scratch += padded_bytes(mr() * static_cast<std::size_t>(n_));

    std::int64_t own = 0;
    const auto* a = context.get<std::uint8_t>(a_.buffer) +
                    place(context, c_.batch, matrix, a_, &own) + first * a_.row;
    for (int r = 0; r < count; ++r) {
      const std::uint8_t* row = a + r * a_.row;
      if (a_.column != 1) {
        std::uint8_t* dense = gathered + static_cast<std::size_t>(r) * row_bytes();
        for (int k = 0; k < k_; ++k) dense[k] = row[k * a_.column];
        row = dense;
      }
      rows[r] = row;
      std::int32_t sum = 0;
      for (int k = 0; k < k_; ++k) sum += row[k];
      row_bias[r] = (128 - q_.b_zero) * sum;
    }
    place(context, c_.batch, matrix, b_, &own);
    auto* c = context.get<std::uint8_t>(c_.buffer);
    std::int64_t unused = 0;
    c += place(context, c_.batch, matrix, c_, &unused) + first * c_.row;
    GemmU8S8Args args{};
    args.rows = count;
    args.taps = 1;
    args.channels = k_;
    args.n = n_;
    args.a = rows;
    args.weights = context.get<std::byte>(packed_) + static_cast<std::size_t>(own) * packed_bytes();
    args.bias = context.get<std::int32_t>(bias_) + own * padded_columns();
    args.row_bias = row_bias;
    args.multiplier = context.get<float>(q_.multiplier);
    args.c = c_.column == 1 ? c : results;
    args.c_stride = c_.column == 1 ? c_.row : n_;
    args.c_zero = q_.c_zero;
    args.q_low = q_.q_low;
    args.q_high = q_.q_high;
    args.scratch = scratch;
    kernel_.run(args);
    if (c_.column == 1) return;
    for (int r = 0; r < count; ++r) {
      for (int j = 0; j < n_; ++j) c[r * c_.row + j * c_.column] = results[r * n_ + j];
    }
  }

  const GemmU8S8Kernel& kernel_;
  Matrices a_, b_, c_;
  Shape rows_;  ///< [rows of a matrix]: the batch where they are
  int k_, n_;
  Requantization q_;
  BufferId packed_{}, bias_{};
};

}  // namespace

void lower_product_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const ActivationCodes &a = integer.inputs[0], &b = integer.inputs[1], &y = *integer.output;
  const auto multiplier =
      static_cast<float>(static_cast<double>(a.scale) * b.scale / static_cast<double>(y.scale));
  if (!std::isfinite(multiplier)) {
    fail(ErrorKind::kBadData, "compile: node '", node.name, "' has the requantization multiplier ",
         multiplier);
  }
  const Located in_a = in_graph_order(builder.stored(a.integers));
  const Located in_b = in_graph_order(builder.stored(b.integers));
  const Located out =
      in_graph_order(builder.define(y.integers, DType::kUInt8, y.scale, y.zero_point));
  const int rank = out.dims.rank();
  const auto k = static_cast<int>(in_a.dims[in_a.dims.rank() - 1]);
  const auto n = static_cast<int>(out.dims[rank - 1]);
  const GemmU8S8Kernel& kernel = select_gemm_u8s8(builder.isa());
  const Matrices matrices_b = matrices_of(in_b, rank);
  auto step =
      std::make_unique<ProductStep>(kernel, matrices_of(in_a, rank), matrices_b,
                                    matrices_of(out, rank), Shape{out.dims[rank - 2]}, k, n);

  std::int64_t count = matrices_b.batch.rank() > 0 ? builder.max_outer(matrices_b.batch) : 1;
  for (int axis = 1; axis < matrices_b.batch.rank(); ++axis) count *= matrices_b.batch[axis];
  const auto matrices = static_cast<std::size_t>(count);
  const auto columns = static_cast<std::size_t>(step->padded_columns());
  const BufferId packed = builder.add_temporary(matrices * step->packed_bytes());
  const BufferId bias = builder.add_temporary(matrices * columns * sizeof(std::int32_t));
  step->prepare({.a_zero = a.zero_point,
                 .b_zero = b.zero_point,
                 .c_zero = y.zero_point,
                 .q_low = clamp_code(integer.clamp.low, y.scale, y.zero_point),
                 .q_high = clamp_code(integer.clamp.high, y.scale, y.zero_point),
                 .multiplier = builder.add_constant(std::vector<float>(columns, multiplier))},
                packed, bias);
  builder.request_scratch(step->scratch_bytes());
  builder.add_step(
      std::move(step),
      {node.name, std::string(op_name(node.op)), "matmul_u8u8/" + std::string(kernel.name), "",
       count_macs(builder.graph(), node)},
      {in_a.buffer, in_b.buffer, out.buffer, packed, bias});
}

}  // namespace octet
