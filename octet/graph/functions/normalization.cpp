#include "octet/graph/functions/normalization.h"

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/reduction_loops.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

void require_floats(const FunctionInputs& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs.require_dtype(i, {DType::kFloat32});
    require_view_rank(inputs, i);
  }
}

/// Inputs from 1 on: one number per channel of x [n, c, ...].
void require_per_channel(const FunctionInputs& inputs) {
  const Shape& x = inputs.shape(0);
  if (x.rank() < 2) {
    fail_node(ErrorKind::kBadData, inputs.node(), "input ", to_string(x),
              ", accepted: rank 2 or more");
  }
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape& shape = inputs.shape(i);
    const bool known = shape.rank() == 1 && shape[0] >= 0 && x[1] >= 0;
    if (shape.rank() != 1 || (known && shape[0] != x[1])) {
      fail_node(ErrorKind::kBadData, inputs.node(), "input ", i, " of shape ", to_string(shape),
                " for x ", to_string(x), ", accepted: one number per channel");
    }
  }
}

bool are_per_channel(std::span<const ConstTensorView> inputs) {
  return std::ranges::all_of(inputs.subspan(1), [&](const ConstTensorView& view) {
    return view.rank == 1 && view.dims[0] == inputs[0].dims[1];
  });
}

float at(const ConstTensorView& vector, std::int64_t index) {
  return vector.as<float>()[index * vector.strides[0]];
}

Axes spatial_axes(int rank) {
  Axes axes;
  for (int axis = 2; axis < rank; ++axis) axes.set(static_cast<std::size_t>(axis));
  return axes;
}

/// y = (x - mean) * factor + offset on a box of both tensors.
struct Affine {
  double mean, factor, offset;
};
void normalize(const ConstTensorView& x, const TensorView& y, std::span<const std::int64_t> dims,
               std::int64_t x_start, std::int64_t y_start, const Affine& affine) {
  const auto* from = x.as<float>();
  auto* to = y.as<float>();
  for_each_line<2>(dims, {x.strides, y.strides}, {x_start, y_start}, [&](const Line<2>& line) {
    for (std::int64_t i = 0; i < line.count; ++i) {
      to[line.start[1] + i * line.step[1]] = static_cast<float>(
          (from[line.start[0] + i * line.step[0]] - affine.mean) * affine.factor + affine.offset);
    }
  });
}

class LayerNormFunction final : public TensorFunction {
 public:
  explicit LayerNormFunction(const LayerNorm& options) : options_(options) {}

  std::string_view onnx_name() const override { return "LayerNormalization"; }
  std::vector<Attribute> attributes() const override {
    return {{"axis", std::int64_t{options_.axis}}, {"epsilon", options_.epsilon}};
  }
  int opset() const override { return 17; }
  FunctionArity arity() const override {
    return {.inputs = 2, .max_inputs = 3, .outputs = 1, .max_outputs = 3};
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_floats(inputs);
    const Shape& x = inputs.shape(0);
    const int axis = normalized_axis(inputs.node(), options_.axis, x.rank());
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs.has(i)) require_broadcast(inputs, i);
    }
    Shape moments = x;
    for (int i = axis; i < x.rank(); ++i) moments[i] = 1;
    return {{DType::kFloat32, x}, {DType::kFloat32, moments}, {DType::kFloat32, moments}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const int axis = options_.axis < 0 ? options_.axis + x.rank : options_.axis;
    if (axis < 0 || axis >= x.rank) return false;
    Axes inner;
    for (int i = axis; i < x.rank; ++i) inner.set(static_cast<std::size_t>(i));
    const auto outer_dims = dims_along(x, ~inner), inner_dims = dims_along(x, inner);
    const auto all = first_axes(x.dims, x.rank);
    const bool has_bias = inputs.size() > 2 && inputs[2].present;
    // Without a bias the scale is read in its place, and not used.
    const ConstTensorView& bias = has_bias ? inputs[2] : inputs[1];
    if (!broadcasts(inputs[1], x) || !broadcasts(bias, x)) return false;
    const auto has = [&](std::size_t i) { return outputs.size() > i && outputs[i].present; };
    const std::array strides{x.strides,
                             outputs[0].strides,
                             broadcast_strides(inputs[1], all),
                             broadcast_strides(bias, all),
                             has(1) ? outputs[1].strides : Strides{},
                             has(2) ? outputs[2].strides : Strides{}};
    for_each_index<6>(
        first_axes(outer_dims, x.rank), strides, [&](std::int64_t, const auto& offsets) {
          const auto box = first_axes(inner_dims, x.rank);
          const Moments moments = moments_of(x.as<float>(), box, x.strides, offsets[0]);
          const double factor = 1.0 / std::sqrt(moments.variance + double{options_.epsilon});
          if (has(1)) outputs[1].as<float>()[offsets[4]] = static_cast<float>(moments.mean);
          if (has(2)) outputs[2].as<float>()[offsets[5]] = static_cast<float>(factor);
          for_each_line<4>(box, {strides[0], strides[1], strides[2], strides[3]},
                           {offsets[0], offsets[1], offsets[2], offsets[3]},
                           [&](const Line<4>& line) {
                             const float* in = x.as<float>() + line.start[0];
                             float* out = outputs[0].as<float>() + line.start[1];
                             const float* scale = inputs[1].as<float>() + line.start[2];
                             const float* shift = bias.as<float>() + line.start[3];
                             for (std::int64_t i = 0; i < line.count; ++i) {
                               const double normal = (in[i * line.step[0]] - moments.mean) * factor;
                               const double offset = has_bias ? shift[i * line.step[3]] : 0.0;
                               out[i * line.step[1]] =
                                   static_cast<float>(normal * scale[i * line.step[2]] + offset);
                             }
                           });
        });
    return true;
  }

 private:
  static void require_broadcast(const FunctionInputs& inputs, std::size_t input) {
    const Shape& x = inputs.shape(0);
    const Shape& shape = inputs.shape(input);
    bool fits = shape.rank() <= x.rank();
    for (int i = 1; fits && i <= shape.rank(); ++i) {
      const std::int64_t have = shape[shape.rank() - i], want = x[x.rank() - i];
      fits = have == 1 || have == want || have < 0 || want < 0;
    }
    if (!fits) {
      fail_node(ErrorKind::kBadData, inputs.node(), "input ", input, " of shape ", to_string(shape),
                ", accepted: one that broadcasts to x ", to_string(x));
    }
  }

  static bool broadcasts(const ConstTensorView& from, const ConstTensorView& to) {
    if (from.rank > to.rank) return false;
    for (int i = 0; i < from.rank; ++i) {
      const std::int64_t dim = from.dims[static_cast<std::size_t>(i)];
      if (dim != 1 && dim != to.dims[static_cast<std::size_t>(i + to.rank - from.rank)]) {
        return false;
      }
    }
    return true;
  }

  LayerNorm options_;
};

/// InstanceNormalization where `groups` is 0: every channel is a group.
class GroupNormFunction final : public TensorFunction {
 public:
  explicit GroupNormFunction(const GroupNorm& options) : options_(options) {}

  std::string_view onnx_name() const override {
    return is_instance() ? "InstanceNormalization" : "GroupNormalization";
  }
  std::vector<Attribute> attributes() const override {
    std::vector<Attribute> attributes{{"epsilon", options_.epsilon}};
    if (!is_instance()) attributes.push_back({"num_groups", options_.groups});
    return attributes;
  }
  // GroupNormalization has scale and bias per channel since 21.
  int opset() const override { return is_instance() ? 13 : 21; }
  FunctionArity arity() const override { return {.inputs = 3, .max_inputs = 3}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_floats(inputs);
    require_per_channel(inputs);
    const Shape& x = inputs.shape(0);
    if (!is_instance() && x[1] >= 0 && x[1] % options_.groups != 0) {
      fail_node(ErrorKind::kBadData, inputs.node(), x[1], " channels in ", options_.groups,
                " groups, accepted: equal groups");
    }
    return {{DType::kFloat32, x}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    if (x.rank < 2 || !are_per_channel(inputs)) return false;
    const std::int64_t channels = x.dims[1];
    const std::int64_t groups = is_instance() ? channels : options_.groups;
    if (channels == 0) return true;
    if (groups < 1 || channels % groups != 0) return false;
    const std::int64_t size = channels / groups;
    auto image = dims_along(x, spatial_axes(x.rank));
    auto group_box = image;
    group_box[1] = size;
    const auto box = first_axes(group_box, x.rank), plane = first_axes(image, x.rank);
    for (std::int64_t n = 0; n < x.dims[0]; ++n) {
      for (std::int64_t first = 0; first < channels; first += size) {
        const auto start = [&](const auto& view, std::int64_t c) {
          return n * view.strides[0] + c * view.strides[1];
        };
        const Moments moments = moments_of(x.as<float>(), box, x.strides, start(x, first));
        const double factor = 1.0 / std::sqrt(moments.variance + double{options_.epsilon});
        for (std::int64_t c = first; c < first + size; ++c) {
          normalize(x, y, plane, start(x, c), start(y, c),
                    {moments.mean, factor * at(inputs[1], c), at(inputs[2], c)});
        }
      }
    }
    return true;
  }

 private:
  bool is_instance() const { return options_.groups == 0; }
  GroupNorm options_;
};

/// Of inference and of training.
class BatchNormFunction final : public TensorFunction {
 public:
  BatchNormFunction(const BatchNormTraining& options, bool is_training)
      : options_(options), is_training_(is_training) {}

  std::string_view onnx_name() const override { return "BatchNormalization"; }
  std::vector<Attribute> attributes() const override {
    return {{"epsilon", options_.epsilon},
            {"momentum", options_.momentum},
            {"training_mode", std::int64_t{is_training_}}};
  }
  int opset() const override { return is_training_ ? 14 : 13; }
  FunctionArity arity() const override {
    return {.inputs = 5, .max_inputs = 5, .outputs = 1, .max_outputs = is_training_ ? 3u : 1u};
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_floats(inputs);
    require_per_channel(inputs);
    const Shape& x = inputs.shape(0);
    return {{DType::kFloat32, x}, {DType::kFloat32, Shape{x[1]}}, {DType::kFloat32, Shape{x[1]}}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    if (x.rank < 2 || !are_per_channel(inputs)) return false;
    const auto dims = dims_along(x, Axes{}.set(1).flip());
    const auto channel = first_axes(dims, x.rank);
    for (std::int64_t c = 0; c < x.dims[1]; ++c) {
      const std::int64_t start = c * x.strides[1];
      Moments moments{at(inputs[3], c), at(inputs[4], c)};
      if (is_training_) {
        const Moments running = moments;
        moments = moments_of(x.as<float>(), channel, x.strides, start);
        update(outputs, 1, c, running.mean, moments.mean);
        update(outputs, 2, c, running.variance, moments.variance);
      }
      const double factor =
          at(inputs[1], c) / std::sqrt(moments.variance + double{options_.epsilon});
      normalize(x, outputs[0], channel, start, c * outputs[0].strides[1],
                {moments.mean, factor, at(inputs[2], c)});
    }
    return true;
  }

 private:
  void update(std::span<const TensorView> outputs, std::size_t output, std::int64_t c,
              double running, double batch) const {
    if (outputs.size() <= output || !outputs[output].present) return;
    outputs[output].as<float>()[c * outputs[output].strides[0]] =
        static_cast<float>(running * options_.momentum + batch * (1.0 - double{options_.momentum}));
  }

  BatchNormTraining options_;
  bool is_training_;
};

class LocalResponseNormFunction final : public TensorFunction {
 public:
  explicit LocalResponseNormFunction(const LocalResponseNorm& options) : options_(options) {}

  std::string_view onnx_name() const override { return "LRN"; }
  std::vector<Attribute> attributes() const override {
    return {{"alpha", options_.alpha},
            {"beta", options_.beta},
            {"bias", options_.bias},
            {"size", options_.size}};
  }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_floats(inputs);
    require_per_channel(inputs);
    return {{DType::kFloat32, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    if (x.rank < 2) return false;
    const auto others = dims_along(x, Axes{}.set(1).flip());
    for_each_index<2>(first_axes(others, x.rank), {x.strides, y.strides},
                      [&](std::int64_t, const auto& offsets) {
                        run(x.as<float>() + offsets[0], x.strides[1], y.as<float>() + offsets[1],
                            y.strides[1], x.dims[1]);
                      });
    return true;
  }

 private:
  void run(const float* x, std::int64_t x_step, float* y, std::int64_t y_step,
           std::int64_t channels) const {
    // An even window reaches one channel further up than down.
    const std::int64_t down = (options_.size - 1) / 2, up = options_.size - 1 - down;
    const double alpha = double{options_.alpha} / static_cast<double>(options_.size);
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t last = up >= channels - 1 - c ? channels - 1 : c + up;
      double squares = 0.0;
      for (std::int64_t i = down >= c ? 0 : c - down; i <= last; ++i) {
        const double value = x[i * x_step];
        squares += value * value;
      }
      y[c * y_step] = static_cast<float>(
          x[c * x_step] / std::pow(options_.bias + alpha * squares, double{options_.beta}));
    }
  }

  LocalResponseNorm options_;
};

class MeanVarianceFunction final : public TensorFunction {
 public:
  explicit MeanVarianceFunction(std::vector<std::int64_t> axes) : axes_(std::move(axes)) {}

  std::string_view onnx_name() const override { return "MeanVarianceNormalization"; }
  std::vector<Attribute> attributes() const override { return {{"axes", axes_}}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    require_floats(inputs);
    const int rank = inputs.shape(0).rank();
    for (const std::int64_t axis : axes_) normalized_axis(inputs.node(), axis, rank);
    return {{DType::kFloat32, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    Axes inner;
    for (const std::int64_t axis : axes_) {
      const std::int64_t i = axis < 0 ? axis + x.rank : axis;
      if (i < 0 || i >= x.rank) return false;
      inner.set(static_cast<std::size_t>(i));
    }
    const auto outer_dims = dims_along(x, ~inner), inner_dims = dims_along(x, inner);
    const auto box = first_axes(inner_dims, x.rank);
    for_each_index<2>(first_axes(outer_dims, x.rank), {x.strides, y.strides},
                      [&](std::int64_t, const auto& offsets) {
                        const Moments moments =
                            moments_of(x.as<float>(), box, x.strides, offsets[0]);
                        normalize(x, y, box, offsets[0], offsets[1],
                                  {moments.mean, 1.0 / (std::sqrt(moments.variance) + 1e-9), 0.0});
                      });
    return true;
  }

 private:
  std::vector<std::int64_t> axes_;
};

}  // namespace

Op layer_norm(const LayerNorm& options) {
  return Function{std::make_shared<LayerNormFunction>(options)};
}

Op instance_norm(float epsilon) {
  return Function{std::make_shared<GroupNormFunction>(GroupNorm{0, epsilon})};
}

Op group_norm(const GroupNorm& options) {
  return Function{std::make_shared<GroupNormFunction>(options)};
}

Op batch_norm_training(const BatchNormTraining& options) {
  return Function{std::make_shared<BatchNormFunction>(options, true)};
}

Op local_response_norm(const LocalResponseNorm& options) {
  return Function{std::make_shared<LocalResponseNormFunction>(options)};
}

Op mean_variance_norm(std::vector<std::int64_t> axes) {
  return Function{std::make_shared<MeanVarianceFunction>(std::move(axes))};
}

FunctionPointer normalization_function_of(const Op& op) {
  if (const auto* softmax = std::get_if<Softmax>(&op)) {
    return softmax_function(softmax->axis);
  }
  if (const auto* norm = std::get_if<BatchNorm>(&op)) {
    const BatchNormTraining options{.epsilon = norm->epsilon, .momentum = 0.9f};
    return std::make_shared<BatchNormFunction>(options, false);
  }
  return nullptr;
}

}  // namespace octet
