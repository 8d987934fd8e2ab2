#include "octet/graph/functions/quantization.h"

#include "octet/graph/functions/quantization_elements.h"
#include "octet/graph/functions/quantization_products.h"
#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

using Strides = std::array<std::int64_t, kMaxViewRank>;

/// Where the parameters of an element are.
struct ParameterStrides {
  Strides outer{};                ///< along every axis but that of the blocks
  std::int64_t block_stride = 0;  ///< from block to block
};

ParameterStrides parameter_strides(const ConstTensorView& parameter, int axis,
                                   std::int64_t block_size) {
  ParameterStrides result;
  if (!parameter.present || parameter.num_elements() <= 1) return result;
  if (block_size == 0) {
    result.outer[static_cast<std::size_t>(axis)] = parameter.strides[0];
    return result;
  }
  result.outer = parameter.strides;
  std::swap(result.outer[static_cast<std::size_t>(axis)], result.block_stride);
  return result;
}

/// visit(x offset, y offset, scale offset, zero point offset) for every element.
template <typename Visit>
void for_each_quantized(std::span<const ConstTensorView> inputs, const TensorView& y, int axis,
                        std::int64_t block_size, Visit visit) {
  const ConstTensorView& x = inputs[0];
  const ConstTensorView zero = inputs.size() > 2 ? inputs[2] : ConstTensorView{.present = false};
  if (axis < 0) axis += x.rank;
  axis = std::clamp(axis, 0, std::max(x.rank - 1, 0));  // only a per-tensor scale has another one
  const ParameterStrides s = parameter_strides(inputs[1], axis, block_size);
  const ParameterStrides z = parameter_strides(zero, axis, block_size);
  std::int64_t inner = 1, along = 1;
  for (int i = x.rank - 1; i > axis; --i) inner *= x.dims[static_cast<std::size_t>(i)];
  if (x.rank > 0) along = x.dims[static_cast<std::size_t>(axis)];
  const std::span dims(x.dims.data(), static_cast<std::size_t>(x.rank));
  for_each_index<4>(
      dims, {x.strides, y.strides, s.outer, z.outer},
      [&](std::int64_t linear, const std::array<std::int64_t, 4>& at) {
        const std::int64_t block = block_size == 0 ? 0 : linear / inner % along / block_size;
        visit(at[0], at[1], at[2] + block * s.block_stride, at[3] + block * z.block_stride);
      });
}

/// Whether every element has its parameters. The batch is only known at run time.
bool parameters_fit(std::span<const ConstTensorView> inputs, int axis, std::int64_t block_size) {
  const ConstTensorView& x = inputs[0];
  if (axis < 0) axis += x.rank;
  for (const ConstTensorView& parameter : inputs.subspan(1)) {
    if (!parameter.present || parameter.num_elements() == 1) continue;
    if (axis < 0 || axis >= x.rank) return false;
    for (int i = 0; i < x.rank; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (block_size == 0 && i == axis && parameter.dims[0] < x.dims[at]) return false;
      if (block_size == 0) continue;
      const std::int64_t blocks =
          i == axis ? (x.dims[at] + block_size - 1) / block_size : x.dims[at];
      if (parameter.dims[at] < blocks) return false;
    }
  }
  return true;
}

class LinearFunction : public TensorFunction {
 public:
  explicit LinearFunction(LinearQuantizationOptions options) : options_(options) {}

  int opset() const override { return options_.opset; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 3}; }

 protected:
  void check_parameters(const FunctionInputs& inputs) const;

  LinearQuantizationOptions options_;
};

void LinearFunction::check_parameters(const FunctionInputs& inputs) const {
  const Shape &x = inputs.shape(0), &scale = inputs.shape(1);
  if (x.rank() > kMaxViewRank) {
    fail_node(ErrorKind::kUnsupported, inputs.node(), "input of rank ", x.rank(),
              ", accepted: up to ", kMaxViewRank);
  }
  inputs.require_dtype(1, {DType::kFloat32});
  if (inputs.has(2)) {
    const Shape& zero = inputs.shape(2);
    const bool both_one = scale.rank() < 2 && zero.rank() < 2 &&
                          (scale.rank() == 0 || scale[0] == 1) &&
                          (zero.rank() == 0 || zero[0] == 1);
    if (zero != scale && !both_one) {
      fail_node(ErrorKind::kBadData, inputs.node(), "zero point of shape ", to_string(zero),
                ", accepted: that of the scale, ", to_string(scale));
    }
  }
  const auto bad = [&] {
    fail_node(ErrorKind::kBadData, inputs.node(), "scale of shape ", to_string(scale), ", axis ",
              options_.axis, ", block_size ", options_.block_size, " for an input ", to_string(x),
              ", accepted: a scalar, one scale per index of the axis, or one per block");
  };
  if (options_.block_size < 0) bad();
  if (options_.block_size == 0) {
    if (scale.rank() == 0 || (scale.rank() == 1 && scale[0] == 1)) return;
    const int axis = options_.axis < 0 ? options_.axis + x.rank() : options_.axis;
    if (scale.rank() != 1 || axis < 0 || axis >= x.rank()) bad();
    if (x[axis] >= 0 && scale[0] >= 0 && x[axis] != scale[0]) bad();
    return;
  }
  const int axis = options_.axis < 0 ? options_.axis + x.rank() : options_.axis;
  if (scale.rank() != x.rank() || axis < 0 || axis >= x.rank()) bad();
  for (int i = 0; i < x.rank(); ++i) {
    if (x[i] < 0 || scale[i] < 0) continue;
    const std::int64_t wanted =
        i == axis ? x[i] / options_.block_size + (x[i] % options_.block_size != 0) : x[i];
    if (scale[i] != wanted) bad();
  }
}

std::vector<Attribute> linear_attributes(const LinearQuantizationOptions& options) {
  std::vector<Attribute> attributes{{"axis", std::int64_t{options.axis}}};
  if (options.block_size != 0) attributes.push_back({"block_size", options.block_size});
  return attributes;
}

/// ONNX's number of the dtype, for `output_dtype`.
std::int64_t onnx_number(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return 3;
    case DType::kUInt4:
      return 21;
    case DType::kInt4:
      return 22;
    default:
      return 2;  // uint8
  }
}

class QuantizeFunction final : public LinearFunction {
 public:
  using LinearFunction::LinearFunction;

  std::string_view onnx_name() const override { return "QuantizeLinear"; }
  std::vector<Attribute> attributes() const override {
    auto attributes = linear_attributes(options_);
    if (options_.dtype != DType::kUInt8) {
      attributes.push_back({"output_dtype", onnx_number(options_.dtype)});
    }
    return attributes;
  }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32, DType::kInt32});
    inputs.require_dtype(2, {DType::kInt8, DType::kUInt8, DType::kInt4, DType::kUInt4});
    check_parameters(inputs);
    return {{inputs.has(2) ? inputs.dtype(2) : options_.dtype, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    if (!parameters_fit(inputs, options_.axis, options_.block_size)) return false;
    const bool has_zero = inputs.size() > 2 && inputs[2].present;
    const IntegerLimits limits = limits_of_integers(y.dtype);
    for_each_quantized(inputs, y, options_.axis, options_.block_size,
                       [&](std::int64_t from, std::int64_t to, std::int64_t s, std::int64_t z) {
                         const float real = x.dtype == DType::kInt32
                                                ? static_cast<float>(x.as<std::int32_t>()[from])
                                                : x.as<float>()[from];
                         const std::int64_t zero = has_zero ? load_integer(inputs[2], z) : 0;
                         store_integer(y, to,
                                       saturate(real / inputs[1].as<float>()[s], zero, limits));
                       });
    return true;
  }
};

class DequantizeFunction final : public LinearFunction {
 public:
  using LinearFunction::LinearFunction;

  const LinearQuantizationOptions& options() const { return options_; }
  std::string_view onnx_name() const override { return "DequantizeLinear"; }
  std::vector<Attribute> attributes() const override { return linear_attributes(options_); }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0,
                         {DType::kInt8, DType::kUInt8, DType::kInt4, DType::kUInt4, DType::kInt32});
    inputs.require_dtype(2, {inputs.dtype(0)});
    check_parameters(inputs);
    return {{DType::kFloat32, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    if (!parameters_fit(inputs, options_.axis, options_.block_size)) return false;
    const bool has_zero = inputs.size() > 2 && inputs[2].present;
    for_each_quantized(inputs, outputs[0], options_.axis, options_.block_size,
                       [&](std::int64_t from, std::int64_t to, std::int64_t s, std::int64_t z) {
                         const std::int64_t zero = has_zero ? load_integer(inputs[2], z) : 0;
                         outputs[0].as<float>()[to] =
                             static_cast<float>(load_integer(inputs[0], from) - zero) *
                             inputs[1].as<float>()[s];
                       });
    return true;
  }
};

/// QuantizeLinear and DequantizeLinear of the closed set: the parameters are constants.
class TypedLinearFunction final : public TensorFunction {
 public:
  TypedLinearFunction(TensorQuantParams params, bool quantizes)
      : params_(std::move(params)), quantizes_(quantizes) {}

  std::string_view onnx_name() const override {
    return quantizes_ ? "QuantizeLinear" : "DequantizeLinear";
  }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    return {{quantizes_ ? params_.dtype : DType::kFloat32, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    const IntegerLimits limits = limits_of_integers(params_.dtype);
    Strides along{};
    if (params_.axis) along[static_cast<std::size_t>(*params_.axis)] = 1;
    for_each_index<3>(
        std::span(x.dims.data(), static_cast<std::size_t>(x.rank)), {x.strides, y.strides, along},
        [&](std::int64_t, const std::array<std::int64_t, 3>& at) {
          const auto channel = static_cast<std::size_t>(at[2]);
          const float scale = params_.scale[channel];
          const std::int64_t zero = params_.zero_point[channel];
          if (quantizes_) {
            store_integer(y, at[1], saturate(x.as<float>()[at[0]] / scale, zero, limits));
          } else {
            y.as<float>()[at[1]] = static_cast<float>(load_integer(x, at[0]) - zero) * scale;
          }
        });
    return true;
  }

 private:
  TensorQuantParams params_;
  bool quantizes_;
};

/// Clause 14.
class DynamicQuantizeFunction final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "DynamicQuantizeLinear"; }
  FunctionArity arity() const override { return {.outputs = 3, .max_outputs = 3}; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    return {{DType::kUInt8, inputs.shape(0)}, {DType::kFloat32, {}}, {DType::kUInt8, {}}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const std::span dims(x.dims.data(), static_cast<std::size_t>(x.rank));
    float low = 0.0f, high = 0.0f;
    for_each_index<1>(dims, {x.strides}, [&](std::int64_t, const std::array<std::int64_t, 1>& at) {
      const float value = x.as<float>()[at[0]];
      if (value < low) low = value;
      if (value > high) high = value;
    });
    const float scale = high == low ? 1.0f / 255.0f : (high - low) / 255.0f;
    const IntegerLimits limits;
    const std::int64_t zero = saturate(0.0f - low / scale, 0, limits);
    *outputs[1].as<float>() = scale;
    *outputs[2].as<std::uint8_t>() = static_cast<std::uint8_t>(zero);
    for_each_index<2>(dims, {x.strides, outputs[0].strides},
                      [&](std::int64_t, const std::array<std::int64_t, 2>& at) {
                        store_integer(outputs[0], at[1],
                                      saturate(x.as<float>()[at[0]] / scale, zero, limits));
                      });
    return true;
  }
};

}  // namespace

Op quantize_function(LinearQuantizationOptions options) {
  return Function{std::make_shared<QuantizeFunction>(options)};
}

Op dequantize_function(LinearQuantizationOptions options) {
  return Function{std::make_shared<DequantizeFunction>(options)};
}

const LinearQuantizationOptions* dequantize_options(const Op& op) {
  const auto* function = std::get_if<Function>(&op);
  const auto* dequantize =
      function ? dynamic_cast<const DequantizeFunction*>(function->definition.get()) : nullptr;
  return dequantize ? &dequantize->options() : nullptr;
}

FunctionPointer quantization_function_of(const Op& op) {
  if (const auto* quantize = std::get_if<QuantizeLinear>(&op)) {
    return std::make_shared<TypedLinearFunction>(quantize->params, true);
  }
  if (const auto* dequantize = std::get_if<DequantizeLinear>(&op)) {
    return std::make_shared<TypedLinearFunction>(dequantize->params, false);
  }
  if (std::holds_alternative<DynamicQuantizeLinear>(op)) {
    return std::make_shared<DynamicQuantizeFunction>();
  }
  if (std::holds_alternative<MatMulInteger>(op)) return mat_mul_integer_function();
  return nullptr;
}

}  // namespace octet
