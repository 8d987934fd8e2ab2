#include "octet/runtime/steps/gemm_wq_steps.h"

#include <algorithm>
#include <optional>

#include "octet/base/nibbles.h"
#include "octet/graph/quantized_constant.h"
#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq.h"
#include "octet/runtime/steps/float_weights.h"
#include "octet/runtime/steps/gemm_tiles.h"

namespace octet {
namespace {

/// The codes of a constant, unsigned: signed ones are moved by half their range.
class UnsignedCodes {
 public:
  explicit UnsignedCodes(const Tensor& tensor)
      : bytes_(tensor.raw()),
        packed_(is_packed(tensor.dtype())),
        flip_(tensor.dtype() == DType::kInt8   ? 0x80
              : tensor.dtype() == DType::kInt4 ? 0x08
                                               : 0) {}

  /// By which a zero point moves as well.
  int moved_by() const { return flip_; }
  /// Adding half the range modulo the range is flipping the highest bit.
  std::uint8_t operator[](std::int64_t i) const {
    const int byte = std::to_integer<int>(bytes_[packed_ ? i / 2 : i]);
    const int code = !packed_ ? byte : i % 2 == 0 ? byte & 15 : byte >> 4;
    return static_cast<std::uint8_t>(code ^ flip_);
  }

 private:
  const std::byte* bytes_;
  bool packed_;
  int flip_;
};

/// A quantized matrix as the kernels see it: element (k, j) of [depth, n].
struct QuantizedMatrix {
  int depth = 0, n = 0;
  int block = 0, blocks = 1;  ///< along the depth
  std::int64_t row_stride = 0, column_stride = 0;
  std::int64_t block_stride = 0, scale_stride = 0;  ///< of scales: from block to block, per column
};

int bits_of(DType dtype) { return is_packed(dtype) ? 4 : 8; }

/// nullopt for forms that the kernels do not have.
std::optional<QuantizedMatrix> as_matrix(const QuantizedConstant& weight, bool transpose_b) {
  const DType dtype = weight.codes.dtype();
  const Shape& shape = weight.codes.shape();
  if (shape.rank() != 2 || weight.codes.num_elements() == 0 || dtype == DType::kInt32) {
    return std::nullopt;
  }
  const int depth_axis = transpose_b ? 1 : 0;
  QuantizedMatrix matrix{.depth = static_cast<int>(shape[depth_axis]),
                         .n = static_cast<int>(shape[1 - depth_axis]),
                         .row_stride = transpose_b ? 1 : shape[1],
                         .column_stride = transpose_b ? shape[1] : 1};
  matrix.block = matrix.depth;
  if (weight.is_per_tensor()) return matrix;
  if (weight.block_size == 0) {
    if (weight.axis == depth_axis) return std::nullopt;
    matrix.scale_stride = 1;
    return matrix;
  }
  if (weight.axis != depth_axis) return std::nullopt;
  if (weight.block_size < matrix.depth) {
    if (weight.block_size % kWqBlockStep != 0) return std::nullopt;
    matrix.block = static_cast<int>(weight.block_size);
  }
  matrix.blocks = (matrix.depth - 1) / matrix.block + 1;
  matrix.block_stride = transpose_b ? 1 : matrix.n;
  matrix.scale_stride = transpose_b ? matrix.blocks : 1;
  return matrix;
}

/// Codes, scales and zero points as one kernel reads them.
struct PackedWq {
  BufferId codes{}, scale{}, bias{};
  std::optional<BufferId> zero;
  int common_zero = 0;
};

AlignedBuffer pack_codes(const GemmF32WqKernel& kernel, const QuantizedMatrix& matrix,
                         const UnsignedCodes& codes) {
  AlignedBuffer packed(kernel.packed_words(matrix.depth, matrix.n) * sizeof(std::uint32_t));
  std::vector<std::uint8_t> columns(static_cast<std::size_t>(kernel.nr) *
                                    static_cast<std::size_t>(matrix.depth));
  for (int first = 0; first < matrix.n; first += kernel.nr) {
    const int count = std::min(kernel.nr, matrix.n - first);
    std::size_t to = 0;
    for (int j = first; j < first + count; ++j) {
      for (int k = 0; k < matrix.depth; ++k) {
        columns[to++] = codes[k * matrix.row_stride + j * matrix.column_stride];
      }
    }
    pack_wq_codes(kernel, matrix.depth, count, kernel.panel_width(matrix.n, first), columns.data(),
                  packed.as<std::uint32_t>() +
                      kernel.panel_words(matrix.depth) * static_cast<std::size_t>(first));
  }
  return packed;
}

/// Parameters panel by panel, [block][column]; value(index among the scales).
template <typename T, typename Value>
AlignedBuffer pack_parameters(const GemmF32WqKernel& kernel, const QuantizedMatrix& matrix,
                              Value value) {
  AlignedBuffer packed(kernel.packed_parameters(matrix.blocks, matrix.n) * sizeof(T));
  T* to = packed.as<T>();
  for (int first = 0; first < matrix.n; first += kernel.nr) {
    const int width = kernel.panel_width(matrix.n, first);
    for (int b = 0; b < matrix.blocks; ++b, to += width) {
      for (int j = 0; j < std::min(width, matrix.n - first); ++j) {
        to[j] = value(b * matrix.block_stride + (first + j) * matrix.scale_stride);
      }
    }
  }
  return packed;
}

/// The zero points of the unsigned codes, by index among the scales.
std::vector<std::uint8_t> unsigned_zero_points(const QuantizedConstant& weight,
                                               const UnsignedCodes& codes) {
  const auto count = static_cast<std::size_t>(weight.scale.num_elements());
  if (!weight.zero_point) {
    return std::vector<std::uint8_t>(count, static_cast<std::uint8_t>(codes.moved_by()));
  }
  const UnsignedCodes zeros(*weight.zero_point);
  std::vector<std::uint8_t> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(zeros[static_cast<std::int64_t>(i)]);
  return result;
}

PackedWq pack_weight(PlanBuilder& builder, const GemmF32WqKernel& kernel,
                     const QuantizedConstant& weight, const QuantizedMatrix& matrix) {
  const UnsignedCodes codes(weight.codes);
  const float* scale = weight.scale.data<float>().data();
  const std::vector<std::uint8_t> zeros = unsigned_zero_points(weight, codes);
  const auto keep = [&](AlignedBuffer bytes) {
    builder.count_packed(bytes.size_bytes());
    return builder.add_constant(std::move(bytes));
  };
  PackedWq packed;
  packed.codes = keep(pack_codes(kernel, matrix, codes));
  packed.scale = keep(
      pack_parameters<float>(kernel, matrix, [&](std::int64_t index) { return scale[index]; }));
  packed.common_zero = zeros[0];
  if (std::ranges::any_of(zeros, [&](std::uint8_t zero) { return zero != zeros[0]; })) {
    packed.zero = keep(pack_parameters<std::uint8_t>(
        kernel, matrix, [&](std::int64_t i) { return zeros[static_cast<std::size_t>(i)]; }));
  }
  return packed;
}

class GemmWqStep final : public Step {
 public:
  GemmWqStep(const GemmF32WqKernel& kernel, PackedWq packed, const QuantizedMatrix& matrix,
             std::int64_t rows_per_outer, Stored in, Stored out, Clamp clamp)
      : kernel_(kernel),
        packed_(packed),
        matrix_(matrix),
        rows_per_outer_(rows_per_outer),
        in_(std::move(in)),
        out_(std::move(out)),
        clamp_(clamp),
        blocks_(product_blocks({.n = matrix.n,
                                .steps = matrix.depth,
                                .mr = kernel.mr,
                                .nr = kernel.nr,
                                .column_bytes = static_cast<std::int64_t>(
                                    kernel.panel_words(matrix.depth) * sizeof(std::uint32_t)),
                                .row_bytes = std::int64_t{matrix.depth} * 4,
                                .splits_depth = false})) {}
  std::size_t scratch_bytes() const { return sizeof(void*) * static_cast<std::size_t>(kernel_.mr); }

  void run(const RunContext& context) noexcept override {
    const float* a = context.get<float>(in_.buffer);
    float* c = context.get<float>(out_.buffer);
    const std::uint8_t* zero = packed_.zero ? context.get<std::uint8_t>(*packed_.zero) : nullptr;
    const GemmTiles tiles{context.outer(in_.dims) * rows_per_outer_,
                          matrix_.depth,
                          matrix_.n,
                          kernel_.mr,
                          kernel_.nr,
                          blocks_};
    for_each_gemm_tile(context, tiles, [&](const ProductTile& tile, int thread) {
      auto* pointers = context.thread_scratch<const float*>(thread);
      for (int r = 0; r < tile.rows; ++r) pointers[r] = a + (tile.row + r) * matrix_.depth;
      const std::ptrdiff_t parameters = std::ptrdiff_t{tile.column} * matrix_.blocks;
      kernel_.run(
          {.rows = tile.rows,
           .depth = matrix_.depth,
           .n = tile.columns,
           .block = matrix_.block,
           .a = pointers,
           .codes = context.get<std::uint32_t>(packed_.codes) +
                    kernel_.panel_words(matrix_.depth) * static_cast<std::size_t>(tile.column),
           .scale = context.get<float>(packed_.scale) + parameters,
           .zero = zero != nullptr ? zero + parameters : nullptr,
           .common_zero = packed_.common_zero,
           .bias = context.get<float>(packed_.bias) + tile.column,
           .c = c + tile.row * matrix_.n + tile.column,
           .c_stride = matrix_.n,
           .low = clamp_.low,
           .high = clamp_.high});
    });
  }

 private:
  const GemmF32WqKernel& kernel_;
  PackedWq packed_;
  QuantizedMatrix matrix_;
  std::int64_t rows_per_outer_;
  Stored in_, out_;
  Clamp clamp_;
  ProductBlocks blocks_;
};

}  // namespace

bool lower_gemm_wq(PlanBuilder& builder, const Node& node) {
  const Node* producer = builder.nodes().producer(*node.inputs[1]);
  if (!producer) return false;
  const std::optional<QuantizedConstant> weight = quantized_constant(builder.graph(), *producer);
  if (!weight) return false;
  const auto* gemm = std::get_if<Gemm>(&node.op);
  const std::optional<QuantizedMatrix> matrix =
      as_matrix(*weight, gemm != nullptr && gemm->transpose_b);
  if (!matrix) return false;

  const GemmF32WqKernel& kernel = select_gemm_f32_wq(builder.isa(), bits_of(weight->codes.dtype()));
  PackedWq packed = pack_weight(builder, kernel, *weight, *matrix);
  packed.bias = builder.add_constant(read_float_bias(builder, node, matrix->n));
  const Stored in = builder.stored(*node.inputs[0]);
  const Stored out = builder.define(node.outputs[0], DType::kFloat32);
  std::int64_t rows_per_outer = 1;
  for (int axis = 1; axis + 1 < in.dims.rank(); ++axis) rows_per_outer *= in.dims[axis];
  auto step = std::make_unique<GemmWqStep>(kernel, packed, *matrix, rows_per_outer, in, out,
                                           gemm != nullptr ? gemm->activation : Clamp{});
  builder.request_scratch(step->scratch_bytes());
  const std::string name =
      "gemm_f32_w" + std::to_string(kernel.bits) + "/" + std::string(kernel.name);
  builder.add_step(
      std::move(step),
      {node.name, std::string(op_name(node.op)), name, "", count_macs(builder.graph(), node)},
      {in.buffer, out.buffer});
  return true;
}

}  // namespace octet
