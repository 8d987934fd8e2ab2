#include <algorithm>
#include <limits>
#include <tuple>

#include "octet/base/error.h"
#include "octet/quant/layer_integers.h"
#include "octet/quant/qdq_names.h"
#include "octet/quant/quant_assignment.h"
#include "octet/quant/quant_points.h"

namespace octet {
namespace {

TensorQuantParams tensor_params(const QuantParams& params) {
  return {.scale = {params.scale},
          .zero_point = {params.zero_point},
          .axis = std::nullopt,
          .dtype = params.is_signed ? DType::kInt8 : DType::kUInt8};
}

/// The real values that the codes of fewer than 8 bits stand for.
Clamp representable_range(const QuantParams& params) {
  return {.low = dequantize(params.q_min(), params), .high = dequantize(params.q_max(), params)};
}

/// `outer` applied to the result of `inner`, as one clamp.
Clamp compose(const Clamp& inner, const Clamp& outer) {
  return {.low = std::clamp(inner.low, outer.low, outer.high),
          .high = std::clamp(inner.high, outer.low, outer.high)};
}

Clamp* fused_activation(Op& op) {
  if (Conv2d* conv = std::get_if<Conv2d>(&op)) return &conv->activation;
  if (Gemm* gemm = std::get_if<Gemm>(&op)) return &gemm->activation;
  if (Add* add = std::get_if<Add>(&op)) return &add->activation;
  return nullptr;
}

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result(DType::kInt8, Shape{columns, rows});
  const std::span<const std::int8_t> src = matrix.data<std::int8_t>();
  const std::span<std::int8_t> dst = result.mutable_data<std::int8_t>();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      dst[static_cast<std::size_t>(c * rows + r)] = src[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return result;
}

/// Copies the source graph node by node and puts the Q/DQ pairs in.
class QdqWriter {
 public:
  QdqWriter(const Graph& source, const QuantAssignment& assignment, const QuantSpec& spec)
      : source_(source),
        assignment_(assignment),
        spec_(spec),
        names_(source),
        roles_(source),
        written_(source.values().size()),
        is_read_(source.values().size(), false) {
    for (const Node& node : source.nodes()) {
      for (const std::optional<ValueId>& input : node.inputs) {
        if (input) is_read_[static_cast<std::size_t>(*input)] = true;
      }
    }
    for (const ValueId output : source.outputs()) {
      is_read_[static_cast<std::size_t>(output)] = true;
    }
  }

  Graph write(int* raised_scales) {
    require_float_graph(source_);
    result_.name = source_.name;
    result_.metadata = source_.metadata;
    result_.metadata["octet.config"] = spec_.name;
    for (const ValueId input : source_.inputs()) write_input(input);
    for (const Node& node : source_.nodes()) write_node(node);
    for (const ValueId output : source_.outputs()) write_output(output);
    infer_shapes(result_);
    verify(result_);
    if (raised_scales) *raised_scales = raised_scales_;
    return std::move(result_);
  }

 private:
  /// Where a value of the source graph is found in the result.
  struct Written {
    std::optional<ValueId> real;
    std::optional<ValueId> codes;
    QuantParams params;  ///< of `codes`
  };

  Written& written(ValueId id) { return written_[static_cast<std::size_t>(id)]; }
  const QuantParams* assigned(ValueId id) const {
    const auto entry = assignment_.activations.find(id);
    return entry == assignment_.activations.end() ? nullptr : &entry->second;
  }

  ValueId add_node(const std::string& node_name, Op op, std::vector<std::optional<ValueId>> inputs,
                   const std::string& value_name, DType dtype = DType::kFloat32) {
    const ValueId value = result_.add_value(names_.value(value_name), dtype);
    result_.add_node(names_.node(node_name), std::move(op), std::move(inputs), {value});
    return value;
  }

  void quantize_value(ValueId id, ValueId real, const QuantParams& params) {
    const std::string& name = source_.value(id).name;
    const TensorQuantParams tensor = tensor_params(params);
    written(id).codes = add_node(name + "_QuantizeLinear", QuantizeLinear{tensor}, {real},
                                 name + "_quantized", tensor.dtype);
    written(id).params = params;
  }
  ValueId dequantize_value(ValueId id) {
    const std::string& name = source_.value(id).name;
    return add_node(name + "_DequantizeLinear", DequantizeLinear{tensor_params(written(id).params)},
                    {written(id).codes}, name + "_dequantized");
  }
  ValueId clip(ValueId id, ValueId real, const QuantParams& params) {
    const std::string& name = source_.value(id).name;
    return add_node(name + "_Clip", Clip{representable_range(params)}, {real}, name + "_clipped");
  }

  /// The value for one consumer: its own DequantizeLinear where there are codes.
  ValueId read(ValueId id) {
    Written& value = written(id);
    if (value.codes) return dequantize_value(id);
    if (!value.real) {
      value.real = result_.add_constant(source_.value(id).name, *source_.value(id).constant);
    }
    return *value.real;
  }

  void write_input(ValueId id) {
    const Value& value = source_.value(id);
    written(id).real = result_.add_input(value.name, value.dtype, value.shape);
    result_.value(*written(id).real).dim_names = value.dim_names;
    const QuantParams* params = assigned(id);
    if (!params) return;
    const ValueId real =
        params->bits < 8 ? clip(id, *written(id).real, *params) : *written(id).real;
    quantize_value(id, real, *params);
  }

  void write_node(const Node& node) {
    Op op = node.op;
    const std::vector<std::optional<ValueId>> inputs = read_inputs(node, op);
    const bool carries =
        roles_.of(node) == IntegerRole::kCarry && written(*node.inputs[0]).codes.has_value();
    const auto params_of = [&](ValueId id) {
      const QuantParams* own = assigned(id);
      return own || !carries ? own : &written(*node.inputs[0]).params;
    };
    Clamp* activation = fused_activation(op);
    const QuantParams* first = assigned(node.outputs[0]);
    const bool fuses_clamp = first && first->bits < 8 && activation;
    if (fuses_clamp) *activation = compose(*activation, representable_range(*first));

    std::vector<ValueId> outputs;
    for (const ValueId id : node.outputs) {
      const Value& value = source_.value(id);
      const bool renamed = params_of(id) && is_graph_output(source_, id);
      outputs.push_back(result_.add_value(
          renamed ? names_.value(value.name + "_float") : value.name, value.dtype, value.shape));
      written(id).real = outputs.back();
    }
    result_.add_node(node.name, op, inputs, outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      const QuantParams* params = params_of(id);
      if (!params || !is_read_[static_cast<std::size_t>(id)]) continue;
      const bool clips = assigned(id) && params->bits < 8 && !fuses_clamp;
      const QuantParams own = *params;
      quantize_value(id, clips ? clip(id, outputs[i], own) : outputs[i], own);
    }
  }

  std::vector<std::optional<ValueId>> read_inputs(const Node& node, Op& op) {
    const IntegerRole role = roles_.of(node);
    if (role == IntegerRole::kCompute && assignment_.weights.contains(*node.inputs[1])) {
      return read_layer(node, op);
    }
    if (role == IntegerRole::kBias) return read_addition(node);
    const std::vector<ValueId> quantized = quantized_inputs(node, role);
    std::vector<std::optional<ValueId>> inputs;
    for (const std::optional<ValueId>& input : node.inputs) {
      const bool as_codes = input && source_.value(*input).constant && assigned(*input) &&
                            std::ranges::find(quantized, *input) != quantized.end();
      inputs.push_back(as_codes ? read_constant(*input)
                       : input  ? std::optional(read(*input))
                                : std::nullopt);
    }
    return inputs;
  }

  /// The inputs of the addition behind a MatMul, whose bias was rounded with its weight.
  std::vector<std::optional<ValueId>> read_addition(const Node& node) {
    std::vector<std::optional<ValueId>> inputs;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto rounded = added_biases_.find(*node.inputs[1 - i]);
      inputs.emplace_back(rounded == added_biases_.end() ? read(*node.inputs[i]) : rounded->second);
    }
    return inputs;
  }

  /// A constant that is quantized as activations are: its codes once, and a DequantizeLinear.
  ValueId read_constant(ValueId id) {
    const std::string& name = source_.value(id).name;
    const QuantParams& params = *assigned(id);
    auto codes = constants_.find(id);
    if (codes == constants_.end()) {
      const Tensor& real = *source_.value(id).constant;
      Tensor quantized(DType::kUInt8, real.shape());
      std::ranges::transform(
          real.data<float>(), quantized.mutable_data<std::uint8_t>().begin(),
          [&](float x) { return static_cast<std::uint8_t>(quantize(x, params)); });
      codes =
          constants_.emplace(id, result_.add_constant(names_.value(name + "_quantized"), quantized))
              .first;
    }
    return add_node(name + "_DequantizeLinear", DequantizeLinear{tensor_params(params)},
                    {codes->second}, name + "_dequantized");
  }

  /// Inputs of a layer with an integer weight; a float input gives a weight-only layer,
  /// whose bias stays float.
  std::vector<std::optional<ValueId>> read_layer(const Node& node, Op& op) {
    const bool integer_input = written(*node.inputs[0]).codes.has_value();
    const float input_scale = integer_input ? written(*node.inputs[0]).params.scale : 1.0f;
    LayerIntegers layer;
    if (integer_input) {
      layer =
          quantize_layer(source_, node, input_scale, assignment_, spec_, roles_.added_bias(node));
      raised_scales_ += layer.raised_scales;
      if (layer.added_bias) {
        const std::string& name = source_.value(*roles_.added_bias(node)).name;
        added_biases_[node.outputs[0]] =
            result_.add_constant(names_.value(name + "_rounded"), *layer.added_bias);
      }
    } else {
      layer.weight_params = assignment_.weights.at(*node.inputs[1]);
      layer.weight =
          quantize_weight(*source_.value(*node.inputs[1]).constant, layer.weight_params,
                          assignment_.weight_bits.at(*node.inputs[1]), spec_.torch_compat);
    }
    bool transpose = false;
    if (Gemm* gemm = std::get_if<Gemm>(&op); gemm && !gemm->transpose_b) {
      gemm->transpose_b = transpose = true;
      if (layer.weight_params.axis) layer.weight_params.axis = 0;
    }
    std::vector<std::optional<ValueId>> inputs{read(*node.inputs[0])};
    inputs.push_back(write_weight(*node.inputs[1], layer, transpose));
    if (node.inputs.size() > 2 && node.inputs[2]) {
      inputs.push_back(layer.bias ? write_bias(*node.inputs[2], layer) : read(*node.inputs[2]));
    }
    return inputs;
  }

  ValueId write_weight(ValueId id, const LayerIntegers& layer, bool transpose) {
    const std::string& name = source_.value(id).name;
    // Layers that share a weight share its integers unless one of them had to raise a scale.
    const auto key = std::tuple(id, transpose, layer.weight_params.scale);
    auto constant = weights_.find(key);
    if (constant == weights_.end()) {
      const ValueId added = result_.add_constant(
          names_.value(name + "_quantized"), transpose ? transposed(layer.weight) : layer.weight);
      constant = weights_.emplace(key, added).first;
    }
    return add_node(name + "_DequantizeLinear", DequantizeLinear{layer.weight_params},
                    {constant->second}, name + "_dequantized");
  }
  ValueId write_bias(ValueId id, const LayerIntegers& layer) {
    const std::string& name = source_.value(id).name;
    const ValueId constant = result_.add_constant(names_.value(name + "_quantized"), *layer.bias);
    return add_node(name + "_DequantizeLinear", DequantizeLinear{layer.bias_params}, {constant},
                    name + "_dequantized");
  }

  void write_output(ValueId id) {
    const Value& value = source_.value(id);
    const bool is_input = std::ranges::find(source_.inputs(), id) != source_.inputs().end();
    if (!written(id).codes || is_input) {
      result_.add_output(written(id).real ? *written(id).real : read(id));
      return;
    }
    // An output listed twice is one value.
    if (const std::optional<ValueId> there = result_.find_value(value.name)) {
      result_.add_output(*there);
      return;
    }
    const ValueId output = result_.add_value(value.name, value.dtype, value.shape);
    result_.add_node(names_.node(value.name + "_DequantizeLinear"),
                     DequantizeLinear{tensor_params(written(id).params)}, {written(id).codes},
                     {output});
    result_.add_output(output);
  }

  const Graph& source_;
  const QuantAssignment& assignment_;
  const QuantSpec& spec_;
  Graph result_;
  FreshNames names_;
  IntegerRoles roles_;
  std::vector<Written> written_;
  std::vector<bool> is_read_;
  std::map<std::tuple<ValueId, bool, std::vector<float>>, ValueId> weights_;
  std::map<ValueId, ValueId> constants_;
  std::map<ValueId, ValueId> added_biases_;  ///< by the product that they are added to
  int raised_scales_ = 0;
};

}  // namespace

Graph insert_qdq(const Graph& graph, const QuantAssignment& assignment, const QuantSpec& spec,
                 int* raised_scales) {
  return QdqWriter(graph, assignment, spec).write(raised_scales);
}

}  // namespace octet
