#include "octet/graph/quant_params.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"

namespace octet {
namespace {

struct Limits {
  std::int64_t min, max;
};

Limits limits_of(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return {-128, 127};
    case DType::kUInt8:
      return {0, 255};
    case DType::kInt32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    default:
      fail(ErrorKind::kBadData, "quantization to ", to_string(dtype),
           ", accepted: int8, uint8, int32");
  }
}

std::int32_t quantize_element(float x, float scale, std::int64_t zero_point, Limits limits) {
  // Divided, not multiplied by 1 / scale: they differ in the last place, and ONNX divides.
  const float rounded = std::nearbyint(x / scale);
  if (std::isnan(rounded)) return static_cast<std::int32_t>(zero_point);
  // Clamped before the conversion, which is undefined outside the range; in double, because
  // the limits of int32 are no floats.
  const double clamped =
      std::clamp(static_cast<double>(rounded), static_cast<double>(limits.min - zero_point),
                 static_cast<double>(limits.max - zero_point));
  return static_cast<std::int32_t>(static_cast<std::int64_t>(clamped) + zero_point);
}

float dequantize_element(std::int32_t q, float scale, std::int32_t zero_point) {
  return static_cast<float>(std::int64_t{q} - zero_point) * scale;
}

/// How a tensor's elements map to scales: element i uses scale (i / inner) % channels.
struct ChannelLayout {
  std::int64_t channels = 1, inner = 1;
};

ChannelLayout channel_layout(const Shape& shape, const TensorQuantParams& params) {
  if (params.scale.size() != params.zero_point.size()) {
    fail(ErrorKind::kBadData, "quantization: ", params.scale.size(), " scales and ",
         params.zero_point.size(), " zero points, accepted: equal numbers");
  }
  if (!params.axis) {
    if (params.scale.size() != 1) {
      fail(ErrorKind::kBadData, "quantization: ", params.scale.size(),
           " scales without an axis, accepted: 1");
    }
    return {};
  }
  const int axis = *params.axis;
  if (axis < 0 || axis >= shape.rank() ||
      shape[axis] != static_cast<std::int64_t>(params.scale.size())) {
    fail(ErrorKind::kBadData, "quantization: ", params.scale.size(), " scales along axis ", axis,
         " of ", to_string(shape), ", accepted: as many scales as that axis has indices");
  }
  ChannelLayout layout{shape[axis], 1};
  for (int inner = axis + 1; inner < shape.rank(); ++inner) layout.inner *= shape[inner];
  return layout;
}

template <typename T>
void quantize_into(const Tensor& x, const TensorQuantParams& params, Tensor& q) {
  const ChannelLayout layout = channel_layout(x.shape(), params);
  const Limits limits = limits_of(params.dtype);
  const std::span<const float> src = x.data<float>();
  const std::span<T> dst = q.mutable_data<T>();
  for (std::size_t i = 0; i < src.size(); ++i) {
    const auto channel =
        static_cast<std::size_t>(static_cast<std::int64_t>(i) / layout.inner % layout.channels);
    dst[i] = static_cast<T>(
        quantize_element(src[i], params.scale[channel], params.zero_point[channel], limits));
  }
}

template <typename T>
void dequantize_into(const Tensor& q, const TensorQuantParams& params, Tensor& x) {
  const ChannelLayout layout = channel_layout(q.shape(), params);
  const std::span<const T> src = q.data<T>();
  const std::span<float> dst = x.mutable_data<float>();
  for (std::size_t i = 0; i < src.size(); ++i) {
    const auto channel =
        static_cast<std::size_t>(static_cast<std::int64_t>(i) / layout.inner % layout.channels);
    dst[i] = dequantize_element(src[i], params.scale[channel], params.zero_point[channel]);
  }
}

}  // namespace

std::int32_t quantize(float x, const QuantParams& params) {
  return quantize_element(x, params.scale, params.zero_point, {params.q_min(), params.q_max()});
}

float dequantize(std::int32_t q, const QuantParams& params) {
  return dequantize_element(q, params.scale, params.zero_point);
}

Tensor quantize(const Tensor& x, const TensorQuantParams& params) {
  if (x.dtype() != DType::kFloat32) {
    fail(ErrorKind::kBadData, "quantize: found a ", to_string(x.dtype()),
         " tensor, accepted: float32");
  }
  Tensor q(params.dtype, x.shape());
  switch (params.dtype) {
    case DType::kInt8:
      quantize_into<std::int8_t>(x, params, q);
      break;
    case DType::kUInt8:
      quantize_into<std::uint8_t>(x, params, q);
      break;
    default:
      limits_of(params.dtype);
      quantize_into<std::int32_t>(x, params, q);
  }
  return q;
}

Tensor dequantize(const Tensor& q, const TensorQuantParams& params) {
  if (q.dtype() != params.dtype) {
    fail(ErrorKind::kBadData, "dequantize: found a ", to_string(q.dtype()),
         " tensor, accepted: ", to_string(params.dtype));
  }
  Tensor x(DType::kFloat32, q.shape());
  switch (q.dtype()) {
    case DType::kInt8:
      dequantize_into<std::int8_t>(q, params, x);
      break;
    case DType::kUInt8:
      dequantize_into<std::uint8_t>(q, params, x);
      break;
    default:
      limits_of(q.dtype());
      dequantize_into<std::int32_t>(q, params, x);
  }
  return x;
}

}  // namespace octet
