#include "tests/foreign/foreign_writer.h"

#include <algorithm>
#include <cmath>

#include "octet/base/rng.h"

namespace octet {

Tensor normal_tensor(const Shape& shape, std::uint32_t seed, float deviation) {
  Tensor tensor(DType::kFloat32, shape);
  Rng rng(seed);
  for (float& value : tensor.mutable_data<float>()) value = rng.normal() * deviation;
  return tensor;
}

Tensor zero_points(DType dtype, std::int64_t count, int value) {
  const Shape shape = count == 0 ? Shape{} : Shape{count};
  Tensor tensor(dtype, shape);
  if (dtype == DType::kInt8) {
    std::ranges::fill(tensor.mutable_data<std::int8_t>(), static_cast<std::int8_t>(value));
  } else if (dtype == DType::kUInt8) {
    std::ranges::fill(tensor.mutable_data<std::uint8_t>(), static_cast<std::uint8_t>(value));
  } else {
    std::ranges::fill(tensor.mutable_data<std::int32_t>(), value);
  }
  return tensor;
}

void ForeignWriter::params(const std::string& name, float scale, int zero, DType dtype,
                           bool as_vector) {
  model.constant(name + "_scale", as_vector ? Tensor::from(Shape{1}, std::vector<float>{scale})
                                            : Tensor::scalar(scale));
  model.constant(name + "_zero", zero_points(dtype, as_vector ? 1 : 0, zero));
  scales_[name] = scale;
}

std::string ForeignWriter::pair(const std::string& value, float scale, int zero, DType dtype,
                                bool as_vector) {
  params(value, scale, zero, dtype, as_vector);
  const std::vector<std::string> parameters{value + "_scale", value + "_zero"};
  model.node("QuantizeLinear", {value, parameters[0], parameters[1]}, {value + "_q"});
  model.node("DequantizeLinear", {value + "_q", parameters[0], parameters[1]}, {value + "_dq"});
  scales_[value + "_dq"] = scale;
  return value + "_dq";
}

std::vector<float> ForeignWriter::weight_codes(const std::string& name, const Shape& shape,
                                               int axis, const WeightForm& form,
                                               std::uint32_t seed) {
  const std::int64_t channels = form.per_channel ? shape[axis] : 1;
  std::vector<float> scale;
  Rng rng(seed);
  for (std::int64_t i = 0; i < channels; ++i) scale.push_back(rng.uniform(0.002f, 0.006f));
  Tensor codes(form.dtype, shape);
  for (std::int64_t i = 0; i < codes.num_elements(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const int code = static_cast<int>(std::nearbyint(rng.normal() * 45.0f)) + form.zero_point;
    if (form.dtype == DType::kInt8) {
      codes.mutable_data<std::int8_t>()[at] = static_cast<std::int8_t>(std::clamp(code, -127, 127));
    } else {
      codes.mutable_data<std::uint8_t>()[at] = static_cast<std::uint8_t>(std::clamp(code, 0, 255));
    }
  }
  model.constant(name + "_codes", codes);
  const Shape shape_of_scale = form.per_channel ? Shape{channels} : Shape{};
  model.constant(name + "_scale", Tensor::from(shape_of_scale, scale));
  model.constant(name + "_zero",
                 zero_points(form.dtype, form.per_channel ? channels : 0, form.zero_point));
  return scale;
}

void ForeignWriter::bias_codes(const std::string& name, std::int64_t count, float input_scale,
                               const std::vector<float>& weight_scale, std::uint32_t seed) {
  Tensor codes(DType::kInt32, Shape{count});
  std::vector<float> scale;
  for (const float w : weight_scale) scale.push_back(input_scale * w);
  Rng rng(seed);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    codes.mutable_data<std::int32_t>()[i] =
        static_cast<std::int32_t>(rng.normal() * 0.3f / scale[scale.size() == 1 ? 0 : i]);
  }
  model.constant(name + "_codes", codes);
  const Shape shape = scale.size() == 1 ? Shape{} : Shape{count};
  model.constant(name + "_scale", Tensor::from(shape, scale));
  model.constant(name + "_zero", zero_points(DType::kInt32, scale.size() == 1 ? 0 : count, 0));
}

void set_conv(octet_onnx::NodeProto& node, int kernel, int stride, int groups) {
  const std::int64_t pad = kernel / 2;
  set_ints(node, "dilations", {1, 1});
  set_int(node, "group", groups);
  set_ints(node, "kernel_shape", {kernel, kernel});
  set_ints(node, "pads", {pad, pad, pad, pad});
  set_ints(node, "strides", {stride, stride});
}

}  // namespace octet
