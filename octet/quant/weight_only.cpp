#include "octet/quant/weight_only.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "octet/base/nibbles.h"
#include "octet/graph/functions/quantization.h"
#include "octet/quant/qdq_names.h"
#include "octet/quant/quant_assignment.h"
#include "octet/quant/quant_points.h"

namespace octet {
namespace {

constexpr int kMaxPackedBits = 4;

bool is_packed_width(const QuantSpec& spec) { return spec.weight_bits <= kMaxPackedBits; }

Tensor stored(const Tensor& codes, const QuantSpec& spec) {
  return is_packed_width(spec) ? pack_nibbles(codes, DType::kInt4) : codes;
}

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result(DType::kFloat32, Shape{columns, rows});
  const std::span<const float> src = matrix.data<float>();
  const std::span<float> dst = result.mutable_data<float>();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      dst[static_cast<std::size_t>(c * rows + r)] = src[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return result;
}

/// The blocks of [k, n] as rows [n * blocks][block_size], the last one of a column filled up with
/// 0.
Tensor rows_of_blocks(const Tensor& weight, std::int64_t block_size) {
  const std::int64_t k = weight.shape()[0], n = weight.shape()[1];
  const std::int64_t blocks = (k + block_size - 1) / block_size;
  Tensor rows(DType::kFloat32, Shape{n * blocks, block_size});
  const std::span<const float> src = weight.data<float>();
  const std::span<float> dst = rows.mutable_data<float>();
  for (std::int64_t p = 0; p < k; ++p) {
    for (std::int64_t j = 0; j < n; ++j) {
      dst[static_cast<std::size_t>(j * blocks * block_size + p)] =
          src[static_cast<std::size_t>(p * n + j)];
    }
  }
  return rows;
}

QuantizedMatrix quantize_by_blocks(const Tensor& weight, const QuantSpec& spec) {
  const std::int64_t k = weight.shape()[0], n = weight.shape()[1];
  // One row would do for any longer block, and no more memory than that.
  const std::int64_t size = std::min<std::int64_t>(spec.block_size, k);
  const std::int64_t blocks = (k + size - 1) / size;
  const Tensor rows = rows_of_blocks(weight, size);
  const TensorQuantParams params = choose_weight_params(rows, spec, 0);
  const Tensor codes =
      quantize_weight(rows, params, effective_weight_bits(spec), spec.torch_compat);
  QuantizedMatrix result{Tensor(DType::kInt8, Shape{k, n}),
                         Tensor(DType::kFloat32, Shape{blocks, n})};
  const std::span<const std::int8_t> src = codes.data<std::int8_t>();
  const std::span<std::int8_t> dst = result.codes.mutable_data<std::int8_t>();
  const std::span<float> scale = result.scale.mutable_data<float>();
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t p = 0; p < k; ++p) {
      dst[static_cast<std::size_t>(p * n + j)] =
          src[static_cast<std::size_t>(j * blocks * size + p)];
    }
    for (std::int64_t b = 0; b < blocks; ++b) {
      scale[static_cast<std::size_t>(b * n + j)] =
          params.scale[static_cast<std::size_t>(j * blocks + b)];
    }
  }
  result.codes = stored(result.codes, spec);
  return result;
}

/// Copies the source graph; layers with a constant weight are written anew.
class WeightOnlyWriter {
 public:
  WeightOnlyWriter(const Graph& source, const QuantSpec& spec)
      : source_(source), spec_(spec), names_(source), written_(source.values().size()) {}

  Graph write(int* converted) {
    require_float_graph(source_);
    result_.name = source_.name;
    result_.metadata = source_.metadata;
    result_.metadata["octet.config"] = spec_.name;
    for (const ValueId input : source_.inputs()) {
      const Value& value = source_.value(input);
      written(input) = result_.add_input(value.name, value.dtype, value.shape);
      result_.value(*written(input)).dim_names = value.dim_names;
    }
    for (const Node& node : source_.nodes()) write_node(node);
    for (const ValueId output : source_.outputs()) result_.add_output(read(output));
    infer_shapes(result_);
    verify(result_);
    if (converted) *converted = converted_;
    return std::move(result_);
  }

 private:
  std::optional<ValueId>& written(ValueId id) { return written_[static_cast<std::size_t>(id)]; }

  ValueId read(ValueId id) {
    std::optional<ValueId>& value = written(id);
    if (!value) value = result_.add_constant(source_.value(id).name, *source_.value(id).constant);
    return *value;
  }
  ValueId declare(ValueId id) {
    const Value& value = source_.value(id);
    written(id) = result_.add_value(value.name, value.dtype, value.shape);
    return *written(id);
  }

  /// Whether the second input is a constant of floats of this rank, and the first one is none.
  bool has_weight(const Node& node, int rank) const {
    if (node.inputs.size() < 2 || !node.inputs[0] || !node.inputs[1]) return false;
    const std::optional<Tensor>& weight = source_.value(*node.inputs[1]).constant;
    return weight && weight->dtype() == DType::kFloat32 && weight->shape().rank() == rank &&
           weight->num_elements() > 0 && !source_.value(*node.inputs[0]).constant;
  }

  void write_node(const Node& node) {
    const auto* gemm = std::get_if<Gemm>(&node.op);
    if (std::holds_alternative<Conv2d>(node.op) && has_weight(node, 4)) return write_conv(node);
    if ((gemm || std::holds_alternative<MatMul>(node.op)) && has_weight(node, 2)) {
      return write_linear(node, gemm ? *gemm : Gemm{.transpose_b = false, .activation = {}});
    }
    std::vector<std::optional<ValueId>> inputs = read_all(node);
    std::vector<ValueId> outputs;
    for (const ValueId output : node.outputs) outputs.push_back(declare(output));
    result_.add_node(node.name, node.op, std::move(inputs), std::move(outputs));
  }

  std::vector<std::optional<ValueId>> read_all(const Node& node) {
    std::vector<std::optional<ValueId>> inputs;
    for (const std::optional<ValueId>& input : node.inputs) {
      inputs.push_back(input ? std::optional(read(*input)) : std::nullopt);
    }
    return inputs;
  }

  ValueId add_node(const std::string& name, Op op, std::vector<std::optional<ValueId>> inputs) {
    const ValueId value = result_.add_value(names_.value(name + "_output"));
    result_.add_node(names_.node(name), std::move(op), std::move(inputs), {value});
    return value;
  }

  /// Codes and scales along `axis`, in blocks where block_size is not 0, as floats.
  ValueId dequantize(const std::string& name, const Tensor& codes, const Tensor& scale, int axis,
                     std::int64_t block_size) {
    const ValueId integers = result_.add_constant(names_.value(name + "_quantized"), codes);
    if (codes.dtype() == DType::kInt8 && block_size == 0) {
      const std::span<const float> scales = scale.data<float>();
      const TensorQuantParams params{.scale = {scales.begin(), scales.end()},
                                     .zero_point = std::vector<std::int32_t>(scales.size(), 0),
                                     .axis = axis,
                                     .dtype = DType::kInt8};
      return add_node(name + "_DequantizeLinear", DequantizeLinear{params}, {integers});
    }
    const ValueId scales = result_.add_constant(names_.value(name + "_scale"), scale);
    return add_node(name + "_DequantizeLinear",
                    dequantize_function({.axis = axis, .block_size = block_size, .opset = 21}),
                    {integers, scales});
  }

  /// Layers that share a weight share its codes.
  ValueId linear_weight(ValueId id, bool transpose_b) {
    const auto [entry, is_new] = weights_.try_emplace({id, transpose_b});
    if (is_new) {
      const Tensor& weight = *source_.value(id).constant;
      const QuantizedMatrix matrix =
          quantize_matrix(transpose_b ? transposed(weight) : weight, spec_);
      entry->second = dequantize(source_.value(id).name, matrix.codes, matrix.scale,
                                 spec_.block_size == 0 ? 1 : 0, spec_.block_size);
    }
    return entry->second;
  }

  ValueId conv_weight(ValueId id) {
    const auto [entry, is_new] = weights_.try_emplace({id, false});
    if (is_new) {
      const Tensor& weight = *source_.value(id).constant;
      const TensorQuantParams params = choose_weight_params(weight, spec_, 0);
      const Tensor codes =
          quantize_weight(weight, params, effective_weight_bits(spec_), spec_.torch_compat);
      const auto count = static_cast<std::int64_t>(params.scale.size());
      entry->second = dequantize(source_.value(id).name, stored(codes, spec_),
                                 Tensor::from(Shape{count}, params.scale), 0, 0);
    }
    return entry->second;
  }

  void write_conv(const Node& node) {
    std::vector<std::optional<ValueId>> inputs{read(*node.inputs[0]), conv_weight(*node.inputs[1])};
    if (node.inputs.size() > 2 && node.inputs[2]) inputs.emplace_back(read(*node.inputs[2]));
    result_.add_node(node.name, node.op, std::move(inputs), {declare(node.outputs[0])});
    ++converted_;
  }

  /// MatMul, Add, and the activation, each as a node of its own: what the file will hold.
  void write_linear(const Node& node, const Gemm& gemm) {
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2];
    const bool has_activation = !gemm.activation.is_identity();
    Op last = MatMul{};
    std::vector<std::optional<ValueId>> operands{read(*node.inputs[0]),
                                                 linear_weight(*node.inputs[1], gemm.transpose_b)};
    if (has_bias) {
      operands = {add_node(node.name + "_MatMul", last, operands), read(*node.inputs[2])};
      last = Add{};
    }
    if (has_activation) {
      operands = {add_node(node.name + (has_bias ? "_Add" : "_MatMul"), last, operands)};
      constexpr Clamp kRelu{.low = 0.0f};
      last = gemm.activation == kRelu ? Op{Relu{}} : Op{Clip{gemm.activation}};
    }
    result_.add_node(node.name, last, operands, {declare(node.outputs[0])});
    ++converted_;
  }

  const Graph& source_;
  const QuantSpec& spec_;
  Graph result_;
  FreshNames names_;
  std::vector<std::optional<ValueId>> written_;
  std::map<std::tuple<ValueId, bool>, ValueId> weights_;
  int converted_ = 0;
};

}  // namespace

QuantizedMatrix quantize_matrix(const Tensor& weight, const QuantSpec& spec) {
  // Also says which element is not finite, before blocks would renumber them.
  const TensorQuantParams params = choose_weight_params(weight, spec, 1);
  if (spec.block_size > 0) return quantize_by_blocks(weight, spec);
  const Tensor codes =
      quantize_weight(weight, params, effective_weight_bits(spec), spec.torch_compat);
  const auto count = static_cast<std::int64_t>(params.scale.size());
  return {stored(codes, spec), Tensor::from(Shape{count}, params.scale)};
}

Graph insert_weight_only(const Graph& graph, const QuantSpec& spec, int* converted) {
  return WeightOnlyWriter(graph, spec).write(converted);
}

}  // namespace octet
