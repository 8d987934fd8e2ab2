#include <map>
#include <tuple>

#include "octet/quant/qdq_names.h"
#include "octet/quant/quant_assignment.h"
#include "octet/quant/quant_points.h"

namespace octet {
namespace {

/// The int8 weight of a Gemm as MatMulInteger reads it: [k, n].
Tensor as_matmul_operand(const Tensor& quantized, bool transpose) {
  if (!transpose) return quantized;
  const std::int64_t n = quantized.shape()[0], k = quantized.shape()[1];
  Tensor operand(DType::kInt8, Shape{k, n});
  const std::span<const std::int8_t> src = quantized.data<std::int8_t>();
  const std::span<std::int8_t> dst = operand.mutable_data<std::int8_t>();
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t p = 0; p < k; ++p) {
      dst[static_cast<std::size_t>(p * n + row)] = src[static_cast<std::size_t>(row * k + p)];
    }
  }
  return operand;
}

/// Copies the source graph; every Gemm with a constant weight becomes the nodes that ONNX Runtime's
/// quantize_dynamic writes.
class DynamicWriter {
 public:
  DynamicWriter(const Graph& source, const QuantSpec& spec)
      : source_(source), spec_(spec), names_(source), written_(source.values().size()) {
    spec_.per_channel = spec.per_channel && !spec.torch_compat;
  }

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
    const IntegerRoles roles(source_);
    for (const Node& node : source_.nodes()) {
      if (std::holds_alternative<Gemm>(node.op) && roles.of(node) == IntegerRole::kCompute) {
        write_gemm(node);
        ++converted_;
      } else {
        copy(node);
      }
    }
    for (const ValueId output : source_.outputs()) result_.add_output(read(output));
    infer_shapes(result_);
    verify(result_);
    if (converted) *converted = converted_;
    return std::move(result_);
  }

 private:
  struct DynamicInput {
    ValueId codes, scale, zero_point;
  };
  struct DynamicWeight {
    ValueId codes, scale, zero_point;
  };

  std::optional<ValueId>& written(ValueId id) { return written_[static_cast<std::size_t>(id)]; }

  ValueId read(ValueId id) {
    std::optional<ValueId>& value = written(id);
    if (!value) value = result_.add_constant(source_.value(id).name, *source_.value(id).constant);
    return *value;
  }

  void copy(const Node& node) {
    std::vector<std::optional<ValueId>> inputs;
    for (const std::optional<ValueId>& input : node.inputs) {
      inputs.push_back(input ? std::optional(read(*input)) : std::nullopt);
    }
    std::vector<ValueId> outputs;
    for (const ValueId output : node.outputs) outputs.push_back(declare(output));
    result_.add_node(node.name, node.op, std::move(inputs), std::move(outputs));
  }
  ValueId declare(ValueId id) {
    const Value& value = source_.value(id);
    written(id) = result_.add_value(value.name, value.dtype, value.shape);
    return *written(id);
  }

  /// One DynamicQuantizeLinear per value, however many layers read it.
  const DynamicInput& quantized_input(ValueId id) {
    const auto found = inputs_.find(id);
    if (found != inputs_.end()) return found->second;
    const std::string& name = source_.value(id).name;
    const ValueId real = read(id);
    const DynamicInput input{
        .codes = result_.add_value(names_.value(name + "_quantized"), DType::kUInt8),
        .scale = result_.add_value(names_.value(name + "_scale")),
        .zero_point = result_.add_value(names_.value(name + "_zero_point"), DType::kUInt8)};
    result_.add_node(names_.node(name + "_QuantizeLinear"), DynamicQuantizeLinear{}, {real},
                     {input.codes, input.scale, input.zero_point});
    return inputs_.emplace(id, input).first->second;
  }

  const DynamicWeight& quantized_weight(ValueId id, bool transpose) {
    const auto key = std::tuple(id, transpose);
    const auto found = weights_.find(key);
    if (found != weights_.end()) return found->second;
    const std::string& name = source_.value(id).name;
    const Tensor& weight = *source_.value(id).constant;
    const TensorQuantParams params = choose_weight_params(weight, spec_, transpose ? 0 : 1);
    const Tensor codes =
        quantize_weight(weight, params, effective_weight_bits(spec_), spec_.torch_compat);
    const Shape shape =
        params.axis ? Shape{static_cast<std::int64_t>(params.scale.size())} : Shape{};
    const DynamicWeight added{.codes = result_.add_constant(names_.value(name + "_quantized"),
                                                            as_matmul_operand(codes, transpose)),
                              .scale = result_.add_constant(names_.value(name + "_scale"),
                                                            Tensor::from(shape, params.scale)),
                              .zero_point = result_.add_constant(names_.value(name + "_zero_point"),
                                                                 Tensor(DType::kInt8, shape))};
    return weights_.emplace(key, added).first->second;
  }

  void write_gemm(const Node& node) {
    const Gemm& gemm = std::get<Gemm>(node.op);
    const DynamicInput& x = quantized_input(*node.inputs[0]);
    const DynamicWeight& weight = quantized_weight(*node.inputs[1], gemm.transpose_b);
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2];
    const bool has_activation = !gemm.activation.is_identity();

    const ValueId sums =
        step(node, "_MatMulInteger", MatMulInteger{},
             {x.codes, weight.codes, x.zero_point, weight.zero_point}, DType::kInt32);
    const ValueId real_sums = step(node, "_Cast", Cast{DType::kFloat32}, {sums});
    const ValueId scale = step(node, "_scales_Mul", Mul{}, {x.scale, weight.scale});
    std::vector<std::optional<ValueId>> operands{real_sums, scale};
    Op last = Mul{};
    if (has_bias) {
      operands = {step(node, "_scaled_Mul", last, operands), read(*node.inputs[2])};
      last = Add{};
    }
    if (has_activation) {
      operands = {step(node, has_bias ? "_Add" : "_scaled_Mul", last, operands)};
      last = activation_op(gemm.activation);
    }
    result_.add_node(node.name, last, operands, {declare(node.outputs[0])});
  }
  static Op activation_op(const Clamp& activation) {
    constexpr Clamp kRelu{.low = 0.0f};
    return activation == kRelu ? Op{Relu{}} : Op{Clip{activation}};
  }
  ValueId step(const Node& node, const std::string& suffix, Op op,
               std::vector<std::optional<ValueId>> inputs, DType dtype = DType::kFloat32) {
    const ValueId value = result_.add_value(names_.value(node.name + suffix + "_output"), dtype);
    result_.add_node(names_.node(node.name + suffix), std::move(op), std::move(inputs), {value});
    return value;
  }

  const Graph& source_;
  QuantSpec spec_;
  Graph result_;
  FreshNames names_;
  std::vector<std::optional<ValueId>> written_;
  std::map<ValueId, DynamicInput> inputs_;
  std::map<std::tuple<ValueId, bool>, DynamicWeight> weights_;
  int converted_ = 0;
};

}  // namespace

Graph insert_dynamic_quantization(const Graph& graph, const QuantSpec& spec, int* converted) {
  return DynamicWriter(graph, spec).write(converted);
}

}  // namespace octet
