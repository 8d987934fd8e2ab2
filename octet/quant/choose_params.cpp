#include <algorithm>
#include <cfloat>
#include <cmath>
#include <string>

#include "octet/base/error.h"
#include "octet/quant/quant_assignment.h"

namespace octet {
namespace {

/// What lies behind one index of the quantized axis: elements at (o * channels + c) * inner + i.
struct ChannelLayout {
  std::int64_t outer = 1, channels = 1, inner = 1;
};

ChannelLayout channel_layout(const Shape& shape, std::optional<int> axis) {
  ChannelLayout layout;
  if (!axis) {
    layout.inner = shape.num_elements();
    return layout;
  }
  if (*axis < 0 || *axis >= shape.rank()) {
    fail(ErrorKind::kBadData, "quantize weight: axis ", *axis, " of shape ", to_string(shape),
         ", accepted: 0..", shape.rank() - 1);
  }
  for (int d = 0; d < shape.rank(); ++d) {
    (d < *axis ? layout.outer : d == *axis ? layout.channels : layout.inner) *= shape[d];
  }
  return layout;
}

template <typename Visit>
void for_each_element(const ChannelLayout& layout, Visit visit) {
  std::int64_t element = 0;
  for (std::int64_t o = 0; o < layout.outer; ++o) {
    for (std::int64_t c = 0; c < layout.channels; ++c) {
      for (std::int64_t i = 0; i < layout.inner; ++i) visit(element++, c);
    }
  }
}

void require_finite(const Tensor& weight) {
  const std::span<const float> values = weight.data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail(ErrorKind::kBadData, "quantize weight ", to_string(weight.shape()), ": element ", i,
           " is ", values[i], ", accepted: finite numbers");
    }
  }
}

/// Numerics clause 3 in double, rounded to float at the end.
QuantParams asymmetric_params(double min, double max, int bits) {
  QuantParams params{.scale = 1.0f, .zero_point = 0, .bits = bits, .is_signed = false};
  if (min == max) return params;
  const double scale = std::max((max - min) / params.q_max(), double{FLT_MIN});
  params.scale = static_cast<float>(scale);
  params.zero_point = static_cast<std::int32_t>(
      std::clamp(std::nearbyint(-min / scale), 0.0, static_cast<double>(params.q_max())));
  return params;
}

/// torch.ao.quantization.MinMaxObserver(quint8, reduce_range=True): every step in float32.
QuantParams torch_activation_params(float min, float max, int bits) {
  QuantParams params{.scale = 1.0f, .zero_point = 0, .bits = bits, .is_signed = false};
  if (min == max) return params;
  const float levels = static_cast<float>((1 << (bits - 1)) - 1);
  params.scale = std::max((max - min) / levels, FLT_EPSILON);
  params.zero_point =
      static_cast<std::int32_t>(std::clamp(-std::nearbyint(min / params.scale), 0.0f, levels));
  return params;
}

float weight_scale(float largest, int bits, bool torch_compat) {
  if (torch_compat) {
    // qint8, per_tensor_symmetric or per_channel_symmetric: max / ((qmax - qmin) / 2).
    const float half_range = static_cast<float>((1 << bits) - 1) / 2.0f;
    return std::max(largest / half_range, FLT_EPSILON);
  }
  if (largest == 0.0f) return 1.0f;
  const double levels = (1 << (bits - 1)) - 1;
  return std::max(static_cast<float>(largest / levels), FLT_MIN);
}

}  // namespace

int effective_weight_bits(const QuantSpec& spec) {
  return spec.reduce_range ? std::min(spec.weight_bits, 7) : spec.weight_bits;
}

QuantParams choose_activation_params(Range range, const QuantSpec& spec) {
  if (!std::isfinite(range.min) || !std::isfinite(range.max) || range.min > range.max) {
    fail(ErrorKind::kBadData, "activation range: found [", range.min, ", ", range.max,
         "], accepted: finite, min <= max");
  }
  const float min = std::min(range.min, 0.0f);
  const float max = std::max(range.max, 0.0f);
  return spec.torch_compat ? torch_activation_params(min, max, spec.activation_bits)
                           : asymmetric_params(min, max, spec.activation_bits);
}

TensorQuantParams choose_weight_params(const Tensor& weight, const QuantSpec& spec, int axis) {
  require_finite(weight);
  TensorQuantParams params{.dtype = DType::kInt8};
  if (spec.per_channel) params.axis = axis;
  const ChannelLayout layout = channel_layout(weight.shape(), params.axis);
  std::vector<float> largest(static_cast<std::size_t>(layout.channels), 0.0f);
  const std::span<const float> values = weight.data<float>();
  for_each_element(layout, [&](std::int64_t element, std::int64_t channel) {
    float& seen = largest[static_cast<std::size_t>(channel)];
    seen = std::max(seen, std::fabs(values[static_cast<std::size_t>(element)]));
  });
  const int bits = effective_weight_bits(spec);
  params.scale.clear();
  for (const float value : largest) {
    params.scale.push_back(weight_scale(value, bits, spec.torch_compat));
  }
  params.zero_point.assign(params.scale.size(), 0);
  return params;
}

Tensor quantize_weight(const Tensor& weight, const TensorQuantParams& params, int bits,
                       bool torch_compat) {
  require_finite(weight);
  const ChannelLayout layout = channel_layout(weight.shape(), params.axis);
  if (static_cast<std::int64_t>(params.scale.size()) != layout.channels) {
    fail(ErrorKind::kBadData, "quantize weight ", to_string(weight.shape()), ": found ",
         params.scale.size(), " scales, accepted: ", layout.channels);
  }
  const float high = static_cast<float>((1 << (bits - 1)) - 1);
  const float low = torch_compat ? -high - 1.0f : -high;
  Tensor quantized(DType::kInt8, weight.shape());
  const std::span<const float> src = weight.data<float>();
  const std::span<std::int8_t> dst = quantized.mutable_data<std::int8_t>();
  for_each_element(layout, [&](std::int64_t element, std::int64_t channel) {
    const auto i = static_cast<std::size_t>(element);
    const float rounded = std::nearbyint(src[i] / params.scale[static_cast<std::size_t>(channel)]);
    dst[i] = static_cast<std::int8_t>(std::clamp(rounded, low, high));
  });
  return quantized;
}

}  // namespace octet
