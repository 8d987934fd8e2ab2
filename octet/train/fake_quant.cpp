#include "octet/train/fake_quant.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace octet {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

/// round_half_even for |v| < 2^22: the sum has no room for a fraction. Unlike nearbyint it
/// vectorizes on every x86-64.
inline float round_half_even(float v) {
  constexpr float kMagic = 0x1.8p23f;
  return (v + kMagic) - kMagic;
}
/// NaN stays NaN, so that a diverged training shows in its loss.
inline float clamp(float v, float low, float high) {
  v = v < low ? low : v;
  return v > high ? high : v;
}

void quantize_run(const float* x, float* y, std::int64_t count, float scale, float low,
                  float high) {
  // Clamping to integers before rounding gives the same as after it, and keeps the sum small.
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = round_half_even(clamp(x[i] / scale, low, high)) * scale;
  }
}

void gradient_run(const float* x, const float* gradient, float* y, std::int64_t count, float scale,
                  float low, float high) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float r = round_half_even(clamp(x[i] / scale, low - 1, high + 1));
    y[i] = (r >= low) & (r <= high) ? gradient[i] : 0.0f;
  }
}

/// Calls run(offset, count, scale) over all elements of `x`, in parallel, with runs of one scale.
template <typename Run>
void for_each_run(const at::Tensor& x, const at::Tensor& scale, std::int64_t axis, Run run) {
  const float* scales = scale.data_ptr<float>();
  if (axis < 0) {
    at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      run(begin, end - begin, scales[0]);
    });
    return;
  }
  const std::int64_t channels = x.size(axis);
  std::int64_t inner = 1;
  for (std::int64_t d = axis + 1; d < x.dim(); ++d) inner *= x.size(d);
  for (std::int64_t r = 0; inner > 0 && r < x.numel() / inner; ++r) {
    run(r * inner, inner, scales[r % channels]);
  }
}

at::Tensor broadcast_scale(const at::Tensor& scale, const at::Tensor& x, std::int64_t axis) {
  if (axis < 0) return scale;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[static_cast<std::size_t>(axis)] = -1;
  return scale.view(shape);
}

/// Whether the memory of `x` consists of the runs that for_each_run visits.
bool has_runs(const at::Tensor& x, std::int64_t axis) {
  if (axis > 0) return x.is_contiguous();
  const bool outermost = axis < 0 || x.size(0) <= 1 || x.stride(0) * x.size(0) == x.numel();
  return x.is_non_overlapping_and_dense() && outermost;
}

at::Tensor quantize_forward(const at::Tensor& input, const at::Tensor& scale, std::int64_t axis,
                            float low, float high) {
  if (!input.is_cpu()) {
    // A scale on the device is divided by; a number would be multiplied by as its reciprocal.
    const at::Tensor s = broadcast_scale(scale, input, axis);
    return (input / s).round().clamp(low, high) * s;
  }
  const at::Tensor x = has_runs(input, axis) ? input : input.contiguous();
  at::Tensor y = at::empty_like(x);
  const float* src = x.data_ptr<float>();
  float* dst = y.data_ptr<float>();
  for_each_run(x, scale, axis, [=](std::int64_t at, std::int64_t count, float s) {
    quantize_run(src + at, dst + at, count, s, low, high);
  });
  return y;
}

at::Tensor quantize_backward(const at::Tensor& input, const at::Tensor& gradient,
                             const at::Tensor& scale, std::int64_t axis, float low, float high) {
  if (!input.is_cpu()) {
    const at::Tensor r = (input / broadcast_scale(scale, input, axis)).round();
    return gradient * (r.ge(low) & r.le(high));
  }
  const at::Tensor x = has_runs(input, axis) ? input : input.contiguous();
  at::Tensor g = gradient;
  if (g.strides() != x.strides()) g = at::empty_like(x).copy_(gradient);
  at::Tensor result = at::empty_like(x);
  const float* src = x.data_ptr<float>();
  const float* in = g.data_ptr<float>();
  float* out = result.data_ptr<float>();
  for_each_run(x, scale, axis, [=](std::int64_t at, std::int64_t count, float s) {
    gradient_run(src + at, in + at, out + at, count, s, low, high);
  });
  return result;
}

struct FakeQuantize : public torch::autograd::Function<FakeQuantize> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& scale, std::int64_t axis, double low, double high) {
    context->save_for_backward({x, scale});
    context->saved_data["axis"] = axis;
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    return quantize_forward(x, scale, axis, static_cast<float>(low), static_cast<float>(high));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    auto& data = context->saved_data;
    return {quantize_backward(saved[0], gradients[0], saved[1], data["axis"].toInt(),
                              static_cast<float>(data["low"].toDouble()),
                              static_cast<float>(data["high"].toDouble())),
            at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

CodeGrid activation_grid(const QuantParams& params, const at::Device& device) {
  CodeGrid grid;
  grid.scale = at::full({1}, params.scale, at::kFloat).to(device);
  grid.low = static_cast<float>(params.q_min() - params.zero_point);
  grid.high = static_cast<float>(params.q_max() - params.zero_point);
  return grid;
}

CodeGrid weight_grid(const TensorQuantParams& params, int bits, bool torch_compat,
                     const at::Device& device) {
  CodeGrid grid;
  grid.scale = at::tensor(params.scale, at::kFloat).to(device);
  grid.axis = params.axis;
  grid.high = static_cast<float>((1 << (bits - 1)) - 1);
  grid.low = torch_compat ? -grid.high - 1 : -grid.high;
  return grid;
}

at::Tensor fake_quantize(const at::Tensor& x, const CodeGrid& grid) {
  return FakeQuantize::apply(x, grid.scale, std::int64_t{grid.axis.value_or(-1)}, double{grid.low},
                             double{grid.high});
}

}  // namespace octet
