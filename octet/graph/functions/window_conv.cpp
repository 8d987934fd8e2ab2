// Conv and ConvTranspose of floats by definition. Sums are double: the order of the taps does not
// show in the result then.

#include "octet/graph/functions/window.h"
#include "octet/graph/functions/window_axes.h"
#include "octet/graph/node_error.h"

namespace octet {
namespace {

constexpr std::int64_t kMaxOutput = std::int64_t{1} << 31;

void require_bias(const FunctionInputs& inputs, std::int64_t channels) {
  if (!inputs.has(2)) return;
  const Shape& bias = inputs.shape(2);
  if (bias.rank() != 1 || (bias[0] >= 0 && channels >= 0 && bias[0] != channels)) {
    fail_node(ErrorKind::kBadData, inputs.node(), "bias ", to_string(bias), ", accepted: [",
              channels, "]");
  }
}

float bias_of(std::span<const ConstTensorView> inputs, std::int64_t channel) {
  if (inputs.size() < 3 || !inputs[2].present) return 0.0f;
  return inputs[2].as<float>()[channel * inputs[2].strides[0]];
}

class ConvFunction final : public TensorFunction {
 public:
  explicit ConvFunction(ConvOptions options) : options_(std::move(options)) {}

  std::string_view onnx_name() const override { return "Conv"; }
  std::vector<Attribute> attributes() const override {
    return conv_attributes(options_.window, options_.groups);
  }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 3}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32});
    inputs.require_equal_dtypes();
    const Shape y = conv_shape(inputs, options_, 0, 1);
    require_bias(inputs, y[1]);
    return {{DType::kFloat32, y}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const auto* x = inputs[0].as<float>();
    const auto* w = inputs[1].as<float>();
    auto* y = outputs[0].as<float>();
    const WindowAxes axes =
        window_axes(options_.window, inputs[0], std::span(inputs[1].dims).subspan(2));
    const Clamp& clamp = options_.activation;
    convolve<double>(
        axes, inputs[0], inputs[1], outputs[0], options_.groups,
        [&](std::int64_t i, std::int64_t j) { return double{x[i]} * double{w[j]}; },
        [&](std::int64_t at, std::int64_t channel, double sum) {
          const auto value = static_cast<float>(sum + double{bias_of(inputs, channel)});
          y[at] = std::min(std::max(value, clamp.low), clamp.high);
        });
    return true;
  }

 private:
  ConvOptions options_;
};

class ConvTransposeFunction final : public TensorFunction {
 public:
  explicit ConvTransposeFunction(ConvTransposeOptions options) : options_(std::move(options)) {}

  std::string_view onnx_name() const override { return "ConvTranspose"; }
  std::vector<Attribute> attributes() const override {
    auto attributes = conv_attributes(options_.window, options_.groups);
    if (!options_.output_padding.empty()) {
      attributes.push_back({"output_padding", options_.output_padding});
    }
    if (!options_.output_shape.empty()) {
      attributes.push_back({"output_shape", options_.output_shape});
    }
    return attributes;
  }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 3}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override;

  const ConvTransposeOptions& options() const { return options_; }

 private:
  ConvTransposeOptions options_;
};

std::vector<TensorType> ConvTransposeFunction::output_types(const FunctionInputs& inputs) const {
  inputs.require_dtype(0, {DType::kFloat32});
  inputs.require_equal_dtypes();
  const Shape &x = inputs.shape(0), &w = inputs.shape(1);
  const int rank = spatial_rank(inputs, 0);
  check_window(inputs, options_.window, rank);
  const auto count = static_cast<std::size_t>(rank);
  check_window_list(inputs, options_.output_padding, count, 0, "output_padding");
  const auto fits = [](std::int64_t size) { return size >= 1 && size <= kMaxOutput; };
  if ((!options_.output_shape.empty() && options_.output_shape.size() != count) ||
      !std::ranges::all_of(options_.output_shape, fits)) {
    fail_node(ErrorKind::kBadData, inputs.node(), "output_shape, accepted: ", count,
              " sizes from 1 to ", kMaxOutput);
  }
  const auto bad = [&](const auto&... parts) {
    fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(x), ", weight ", to_string(w),
              ", group ", options_.groups, parts...);
  };
  if (w.rank() != x.rank()) bad(", accepted: equal ranks");
  if (options_.groups < 1) bad(", accepted: group 1 or more");
  if ((x[1] >= 0 && (x[1] == 0 || x[1] % options_.groups != 0)) ||
      (x[1] >= 0 && w[0] >= 0 && x[1] != w[0]) || w[1] == 0) {
    bad(", accepted: weight [c, oc / group, ...]");
  }
  Shape y = x;
  y[1] = w[1] < 0 ? kUnknownDim : w[1] * options_.groups;
  for (int axis = 0; axis < rank; ++axis) {
    const std::int64_t in = x[axis + 2], kernel = w[axis + 2];
    const auto i = static_cast<std::size_t>(axis);
    if (!options_.window.kernel.empty() && kernel >= 0 && kernel != options_.window.kernel[i]) {
      bad(", accepted: a weight of kernel_shape");
    }
    if (in == 0 || kernel == 0 || kernel > kMaxWindow) bad(", accepted: sizes of 1 or more");
    if (in < 0 || kernel < 0) {
      y[axis + 2] = options_.output_shape.empty() ? kUnknownDim : options_.output_shape[i];
      continue;
    }
    y[axis + 2] = transposed_axis(options_, rank, axis, in, kernel).out;
    if (y[axis + 2] < 1) bad(", output of size ", y[axis + 2], ", accepted: 1 or more");
  }
  require_bias(inputs, y[1]);
  return {{DType::kFloat32, y}};
}

bool ConvTransposeFunction::compute(std::span<const ConstTensorView> inputs,
                                    std::span<const TensorView> outputs,
                                    std::byte*) const noexcept {
  const ConstTensorView &x = inputs[0], &w = inputs[1];
  const TensorView& y = outputs[0];
  WindowAxes axes;
  const int rank = x.rank - 2;
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    axes[static_cast<std::size_t>(kMaxSpatialRank - rank + i)] =
        transposed_axis(options_, rank, i, x.dims[at + 2], w.dims[at + 2]);
  }
  const SpatialStrides xs = spatial_strides(x), ws = spatial_strides(w), ys = spatial_strides(y);
  const std::int64_t channels = x.dims[1] / options_.groups, outputs_per_group = w.dims[1];
  for (std::int64_t n = 0; n < y.dims[0]; ++n) {
    for (std::int64_t o = 0; o < y.dims[1]; ++o) {
      const std::int64_t first = o / outputs_per_group * channels;
      const std::int64_t w_channel = o % outputs_per_group * ws.channel;
      for_each_output(axes, [&](const Position& at) {
        double sum = double{bias_of(inputs, o)};
        for_each_tap(axes, at, input_reaching, [&](const Position& tap, const Position& place) {
          for (std::int64_t c = first; c < first + channels; ++c) {
            sum += double{x.as<float>()[n * xs.outer + c * xs.channel + xs.at(place)]} *
                   double{w.as<float>()[c * ws.outer + w_channel + ws.at(tap)]};
          }
        });
        y.as<float>()[n * ys.outer + o * ys.channel + ys.at(at)] = static_cast<float>(sum);
      });
    }
  }
  return true;
}

}  // namespace

Op conv_function(ConvOptions options) {
  return Function{std::make_shared<ConvFunction>(std::move(options))};
}

Op conv_transpose_function(ConvTransposeOptions options) {
  return Function{std::make_shared<ConvTransposeFunction>(std::move(options))};
}

const ConvTransposeOptions* conv_transpose_of(const Op& op) {
  const auto* function = std::get_if<Function>(&op);
  const auto* transpose =
      function ? dynamic_cast<const ConvTransposeFunction*>(function->definition.get()) : nullptr;
  return transpose ? &transpose->options() : nullptr;
}

}  // namespace octet
