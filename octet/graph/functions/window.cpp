#include "octet/graph/functions/window.h"

#include <cmath>
#include <limits>

#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/functions/window_axes.h"
#include "octet/graph/node_error.h"

namespace octet {
namespace {

Shape pool_shape(const FunctionInputs& inputs, const WindowOptions& window) {
  const int rank = spatial_rank(inputs, 0);
  check_window(inputs, window, rank);
  if (window.kernel.empty()) {
    fail_node(ErrorKind::kBadData, inputs.node(), "no kernel_shape, accepted: ", rank, " sizes");
  }
  Shape y = inputs.shape(0);
  for (int axis = 0; axis < rank; ++axis) {
    y[axis + 2] = window_outputs(inputs, window, rank, axis, y[axis + 2],
                                 window.kernel[static_cast<std::size_t>(axis)]);
  }
  return y;
}

/// reduce(x offset of the image, y offset, position) for every image, channel and output.
template <typename Reduce>
void for_each_pool(const WindowAxes& axes, const ConstTensorView& x, const TensorView& y,
                   Reduce reduce) {
  const SpatialStrides xs = spatial_strides(x), ys = spatial_strides(y);
  for (std::int64_t n = 0; n < y.dims[0]; ++n) {
    for (std::int64_t c = 0; c < y.dims[1]; ++c) {
      for_each_output(axes, [&](const Position& at) {
        reduce(n, c, n * xs.outer + c * xs.channel, n * ys.outer + c * ys.channel + ys.at(at), at);
      });
    }
  }
}

class MaxPoolFunction final : public TensorFunction {
 public:
  MaxPoolFunction(WindowOptions window, bool column_major)
      : window_(std::move(window)), column_major_(column_major) {}

  std::string_view onnx_name() const override { return "MaxPool"; }
  std::vector<Attribute> attributes() const override {
    auto attributes = window_attributes(window_, true);
    if (column_major_) attributes.push_back({"storage_order", std::int64_t{1}});
    return attributes;
  }
  FunctionArity arity() const override { return {.max_outputs = 2}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32, DType::kInt8, DType::kUInt8});
    const Shape y = pool_shape(inputs, window_);
    return {{inputs.dtype(0), y}, {DType::kInt64, y}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    with_type(inputs[0].dtype, [&](auto type) { run<decltype(type)>(inputs[0], outputs); });
    return true;
  }

 private:
  template <typename T>
  void run(const ConstTensorView& x, std::span<const TensorView> outputs) const noexcept {
    const TensorView& y = outputs[0];
    const bool places = outputs.size() > 1 && outputs[1].present;
    const WindowAxes axes = window_axes(window_, x, window_.kernel);
    const SpatialStrides xs = spatial_strides(x);
    const SpatialStrides is = places ? spatial_strides(outputs[1]) : SpatialStrides{};
    const std::int64_t image = axes[0].in * axes[1].in * axes[2].in;
    const int rank = x.rank - 2;
    for_each_pool(
        axes, x, y,
        [&](std::int64_t n, std::int64_t c, std::int64_t x_at, std::int64_t y_at,
            const Position& at) {
          T best = lowest<T>();
          std::int64_t where = -1;
          for_each_tap(axes, at, input_under, [&](const Position&, const Position& place) {
            const T value = x.as<T>()[x_at + xs.at(place)];
            if (where >= 0 && !(value > best) && !is_nan(value)) return;
            if (where >= 0 && is_nan(best)) return;
            best = value;
            where = (n * x.dims[1] + c) * image + place_in_image(axes, place, rank);
          });
          y.as<T>()[y_at] = best;
          if (places) {
            outputs[1].as<std::int64_t>()[n * is.outer + c * is.channel + is.at(at)] = where;
          }
        });
  }

  template <typename T>
  static T lowest() {
    if constexpr (std::is_same_v<T, float>) return -std::numeric_limits<float>::infinity();
    return std::numeric_limits<T>::lowest();
  }
  template <typename T>
  static bool is_nan(T value) {
    if constexpr (std::is_same_v<T, float>) return std::isnan(value);
    return false;
  }

  std::int64_t place_in_image(const WindowAxes& axes, const Position& place,
                              int rank) const noexcept {
    if (!column_major_) return (place[0] * axes[1].in + place[1]) * axes[2].in + place[2];
    std::int64_t result = 0, step = 1;
    for (auto i = static_cast<std::size_t>(kMaxSpatialRank - rank); i < kMaxSpatialRank; ++i) {
      result += place[i] * step;
      step *= axes[i].in;
    }
    return result;
  }

  WindowOptions window_;
  bool column_major_;
};

class AveragePoolFunction final : public TensorFunction {
 public:
  AveragePoolFunction(WindowOptions window, bool count_include_pad, bool global)
      : window_(std::move(window)), count_include_pad_(count_include_pad), global_(global) {}

  std::string_view onnx_name() const override {
    return global_ ? "GlobalAveragePool" : "AveragePool";
  }
  int opset() const override { return window_.dilation.empty() ? 13 : 19; }
  std::vector<Attribute> attributes() const override {
    if (global_) return {};
    auto attributes = window_attributes(window_, true);
    if (count_include_pad_) attributes.push_back({"count_include_pad", std::int64_t{1}});
    return attributes;
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32});
    if (!global_) return {{DType::kFloat32, pool_shape(inputs, window_)}};
    Shape y = inputs.shape(0);
    const int rank = spatial_rank(inputs, 0);
    for (int axis = 0; axis < rank; ++axis) y[axis + 2] = 1;
    return {{DType::kFloat32, y}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    const WindowAxes axes = global_ ? global_axes(x) : window_axes(window_, x, window_.kernel);
    const SpatialStrides xs = spatial_strides(x);
    for_each_pool(
        axes, x, y,
        [&](std::int64_t, std::int64_t, std::int64_t x_at, std::int64_t y_at, const Position& at) {
          double sum = 0.0;
          std::int64_t count = 0;
          for_each_tap(axes, at, input_under, [&](const Position&, const Position& place) {
            sum += double{x.as<float>()[x_at + xs.at(place)]};
            ++count;
          });
          if (count_include_pad_) count = padded_positions(axes, at);
          y.as<float>()[y_at] =
              count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
        });
    return true;
  }

 private:
  /// Taps over the input or its padding; with ceil_mode a window may reach past both.
  static std::int64_t padded_positions(const WindowAxes& axes, const Position& at) noexcept {
    std::int64_t count = 1;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const WindowAxis& axis = axes[i];
      const std::int64_t room = axis.in + axis.begin + axis.end - at[i] * axis.stride;
      count *= std::clamp<std::int64_t>((room + axis.dilation - 1) / axis.dilation, 0, axis.kernel);
    }
    return count;
  }

  WindowOptions window_;
  bool count_include_pad_, global_;
};

WindowOptions options_of(const PoolWindow& window) {
  return {.kernel = {window.kernel.begin(), window.kernel.end()},
          .stride = {window.stride.begin(), window.stride.end()},
          .dilation = {window.dilation.begin(), window.dilation.end()},
          .pads = {window.padding.begin(), window.padding.end()},
          .ceil_mode = window.ceil_mode};
}

}  // namespace

Op max_pool_function(WindowOptions window, bool column_major) {
  return Function{std::make_shared<MaxPoolFunction>(std::move(window), column_major)};
}

Op average_pool_function(WindowOptions window, bool count_include_pad) {
  return Function{
      std::make_shared<AveragePoolFunction>(std::move(window), count_include_pad, false)};
}

FunctionPointer window_function_of(const Op& op) {
  if (const auto* conv = std::get_if<Conv2d>(&op)) {
    const ConvOptions options{.window = {.stride = {conv->stride.begin(), conv->stride.end()},
                                         .dilation = {conv->dilation.begin(), conv->dilation.end()},
                                         .pads = {conv->padding.begin(), conv->padding.end()}},
                              .groups = conv->groups,
                              .activation = conv->activation};
    return std::get<Function>(conv_function(options)).definition;
  }
  if (const auto* pool = std::get_if<MaxPool>(&op)) {
    return std::make_shared<MaxPoolFunction>(options_of(pool->window), false);
  }
  if (const auto* pool = std::get_if<AveragePool>(&op)) {
    return std::make_shared<AveragePoolFunction>(options_of(pool->window), pool->count_include_pad,
                                                 false);
  }
  if (std::holds_alternative<GlobalAveragePool>(op)) {
    return std::make_shared<AveragePoolFunction>(WindowOptions{}, false, true);
  }
  return nullptr;
}

}  // namespace octet
