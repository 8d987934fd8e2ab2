// com.microsoft.MatMulNBits: rows times a matrix of 2, 4 or 8-bit codes in blocks along the depth.
// It is read as what ONNX says by its own operators: a blocked DequantizeLinear, whose codes stay
// packed, and MatMul.

#include <cmath>

#include "octet/base/nibbles.h"
#include "octet/graph/functions/quantization.h"
#include "octet/onnx/import_ops.h"

namespace octet {
namespace {

struct NBits {
  std::int64_t k = 0, n = 0, bits = 4, block_size = 0;
  std::int64_t blocks() const { return (k + block_size - 1) / block_size; }
  std::int64_t bytes_per_block() const { return block_size * bits / 8; }
  /// Bytes of the packed zero points of one column.
  std::int64_t zero_point_bytes() const { return (blocks() * bits + 7) / 8; }
};

NBits read_form(NodeReader& node) {
  NBits form{.k = node.attributes.require_int("K"),
             .n = node.attributes.require_int("N"),
             .bits = node.attributes.get_int("bits", 4),
             .block_size = node.attributes.require_int("block_size")};
  node.attributes.ignore("accuracy_level");  // how exact other runtimes have to compute
  constexpr std::int64_t kMax = std::int64_t{1} << 24;
  if (form.bits != 2 && form.bits != 4 && form.bits != 8) {
    node.unsupported("bits = ", form.bits, ", accepted: 2, 4, 8");
  }
  if (form.k < 1 || form.n < 1 || form.k > kMax || form.n > kMax) {
    node.bad("K = ", form.k, ", N = ", form.n, ", accepted: 1 to ", kMax);
  }
  const std::int64_t size = form.block_size;
  if (size < 16 || size > kMax || (size & (size - 1)) != 0) {
    node.bad("block_size ", size, ", accepted: a power of two from 16 on");
  }
  return form;
}

/// Element `index` of a row of packed codes, the low bits of a byte first.
std::uint8_t packed_code(std::span<const std::uint8_t> row, std::int64_t index, std::int64_t bits) {
  const std::uint8_t byte = row[static_cast<std::size_t>(index * bits / 8)];
  return static_cast<std::uint8_t>((byte >> (index * bits % 8)) & ((1 << bits) - 1));
}

/// Codes of one byte each as the narrowest type of ONNX that holds them: 2 bits take 4.
Tensor narrow(const Tensor& bytes, std::int64_t bits) {
  return bits == 8 ? bytes : pack_nibbles(bytes, DType::kUInt4);
}

/// [n][blocks][bytes per block] -> [k, n], a byte per code.
Tensor read_codes(NodeReader& node, const NBits& form) {
  const Tensor& packed = node.require_constant(1, "the weight");
  const std::int64_t row_bytes = form.blocks() * form.bytes_per_block();
  if (packed.dtype() != DType::kUInt8 || packed.num_elements() != form.n * row_bytes) {
    node.bad("weight ", to_string(packed.dtype()), " ", to_string(packed.shape()),
             ", accepted: uint8 [", form.n, ", ", form.blocks(), ", ", form.bytes_per_block(), "]");
  }
  Tensor codes(DType::kUInt8, Shape{form.k, form.n});
  const std::span<std::uint8_t> to = codes.mutable_data<std::uint8_t>();
  for (std::int64_t j = 0; j < form.n; ++j) {
    const auto row = packed.data<std::uint8_t>().subspan(static_cast<std::size_t>(j * row_bytes),
                                                         static_cast<std::size_t>(row_bytes));
    for (std::int64_t i = 0; i < form.k; ++i) {
      to[static_cast<std::size_t>(i * form.n + j)] = packed_code(row, i, form.bits);
    }
  }
  return codes;
}

/// [n, blocks] -> [blocks, n].
template <typename T>
Tensor by_block(std::span<const T> values, const NBits& form) {
  Tensor result(dtype_of<T>(), Shape{form.blocks(), form.n});
  const std::span<T> to = result.template mutable_data<T>();
  for (std::int64_t j = 0; j < form.n; ++j) {
    for (std::int64_t b = 0; b < form.blocks(); ++b) {
      to[static_cast<std::size_t>(b * form.n + j)] =
          values[static_cast<std::size_t>(j * form.blocks() + b)];
    }
  }
  return result;
}

Tensor read_scales(NodeReader& node, const NBits& form) {
  const Tensor& scales = node.require_constant(2, "the scales");
  if (scales.dtype() != DType::kFloat32 || scales.num_elements() != form.n * form.blocks()) {
    node.bad("scales ", to_string(scales.dtype()), " ", to_string(scales.shape()),
             ", accepted: float32 [", form.n, ", ", form.blocks(), "]");
  }
  return by_block(scales.data<float>(), form);
}

/// Zero points may be floats, but only whole ones are codes.
std::vector<std::uint8_t> codes_of_floats(NodeReader& node, const Tensor& tensor,
                                          const NBits& form) {
  if (tensor.num_elements() != form.n * form.blocks()) {
    node.bad("zero points float32 ", to_string(tensor.shape()), ", accepted: [", form.n, ", ",
             form.blocks(), "]");
  }
  std::vector<std::uint8_t> codes;
  for (const float zero : tensor.data<float>()) {
    if (!(zero >= 0.0f) || zero > static_cast<float>((1 << form.bits) - 1) ||
        zero != std::floor(zero)) {
      node.unsupported("zero point ", zero, ", accepted: a whole number from 0 to ",
                       (1 << form.bits) - 1);
    }
    codes.push_back(static_cast<std::uint8_t>(zero));
  }
  return codes;
}

/// [blocks, n], a byte per zero point; half the range where none are given.
Tensor read_zero_points(NodeReader& node, const NBits& form) {
  const auto count = static_cast<std::size_t>(form.n * form.blocks());
  if (!node.has_input(3)) {
    const std::vector<std::uint8_t> middle(count, static_cast<std::uint8_t>(1 << (form.bits - 1)));
    return by_block<std::uint8_t>(middle, form);
  }
  const Tensor& tensor = node.require_constant(3, "the zero points");
  if (tensor.dtype() == DType::kFloat32) {
    const std::vector<std::uint8_t> codes = codes_of_floats(node, tensor, form);
    return by_block<std::uint8_t>(codes, form);
  }
  const std::int64_t row_bytes = form.zero_point_bytes();
  if (tensor.dtype() != DType::kUInt8 || tensor.num_elements() != form.n * row_bytes) {
    node.bad("zero points ", to_string(tensor.dtype()), " ", to_string(tensor.shape()),
             ", accepted: uint8 [", form.n, ", ", row_bytes, "]");
  }
  std::vector<std::uint8_t> codes;
  codes.reserve(count);
  for (std::int64_t j = 0; j < form.n; ++j) {
    const auto row = tensor.data<std::uint8_t>().subspan(static_cast<std::size_t>(j * row_bytes),
                                                         static_cast<std::size_t>(row_bytes));
    for (std::int64_t b = 0; b < form.blocks(); ++b) {
      codes.push_back(packed_code(row, b, form.bits));
    }
  }
  return by_block<std::uint8_t>(codes, form);
}

}  // namespace

void import_mat_mul_nbits(NodeReader& node) {
  node.expect_inputs(3, 6);
  const NBits form = read_form(node);
  if (node.has_input(4)) node.unsupported("input 'g_idx', accepted: blocks in their order");
  const Tensor codes = narrow(read_codes(node, form), form.bits);
  const Tensor zeros = narrow(read_zero_points(node, form), form.bits);
  const ValueId weight = node.emit_step(
      "weight",
      dequantize_function(
          {.axis = 0, .block_size = form.block_size, .dtype = codes.dtype(), .opset = 21}),
      {node.add_constant("weight_codes", codes),
       node.add_constant("weight_scales", read_scales(node, form)),
       node.add_constant("weight_zero_points", zeros)});
  if (!node.has_input(5)) {
    node.emit(MatMul{}, {node.input(0), weight});
    return;
  }
  const ValueId product = node.emit_step("product", MatMul{}, {node.input(0), weight});
  node.emit(Add{}, {product, node.input(5)});
}

}  // namespace octet
