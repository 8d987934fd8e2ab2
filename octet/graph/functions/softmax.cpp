#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/reduction_loops.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

class SoftmaxFunction final : public TensorFunction {
 public:
  SoftmaxFunction(int axis, bool of_log) : axis_(axis), of_log_(of_log) {}

  std::string_view onnx_name() const override { return of_log_ ? "LogSoftmax" : "Softmax"; }
  std::vector<Attribute> attributes() const override { return {{"axis", std::int64_t{axis_}}}; }

  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    inputs.require_dtype(0, {DType::kFloat32});
    require_view_rank(inputs, 0);
    normalized_axis(inputs.node(), axis_, inputs.shape(0).rank());
    return {{DType::kFloat32, inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    const int axis = axis_ < 0 ? axis_ + x.rank : axis_;
    if (axis < 0 || axis >= x.rank) return false;
    const auto bit = static_cast<std::size_t>(axis);
    const auto others = dims_along(x, Axes{}.set(bit).flip());
    for_each_index<2>(first_axes(others, x.rank), {x.strides, y.strides},
                      [&](std::int64_t, const auto& offsets) {
                        run(x.as<float>() + offsets[0], x.strides[bit], y.as<float>() + offsets[1],
                            y.strides[bit], x.dims[bit]);
                      });
    return true;
  }

 private:
  /// The largest element is subtracted first, so that no exponential overflows.
  void run(const float* x, std::int64_t x_step, float* y, std::int64_t y_step,
           std::int64_t count) const {
    float largest = -std::numeric_limits<float>::infinity();
    for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, x[i * x_step]);
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i) {
      const float power = std::exp(x[i * x_step] - largest);
      sum += power;
      y[i * y_step] = power;
    }
    if (!of_log_) {
      for (std::int64_t i = 0; i < count; ++i) {
        y[i * y_step] = static_cast<float>(y[i * y_step] / sum);
      }
      return;
    }
    const double log_sum = std::log(sum);
    for (std::int64_t i = 0; i < count; ++i) {
      const double difference = double{x[i * x_step]} - largest;
      y[i * y_step] = static_cast<float>(difference - log_sum);
    }
  }

  int axis_;
  bool of_log_;
};

}  // namespace

Op log_softmax(int axis) { return Function{std::make_shared<SoftmaxFunction>(axis, true)}; }

FunctionPointer softmax_function(int axis) {
  return std::make_shared<SoftmaxFunction>(axis, false);
}

}  // namespace octet
