#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/foreign/foreign_models.h"

namespace octet {

Tensor normal_tensor(const Shape& shape, std::uint32_t seed, float deviation);
/// Zero points of `count` elements, all `value`; a scalar if `count` is 0.
Tensor zero_points(DType dtype, std::int64_t count, int value);

/// How a tool writes weights.
struct WeightForm {
  DType dtype = DType::kInt8;
  int zero_point = 0;
  bool per_channel = true;
};

/// Builds a network value by value. Names are those of the values that nodes make.
class ForeignWriter {
 public:
  explicit ForeignWriter(int opset, int ir_version = 8) : model(opset, ir_version) {}

  TestModel model;

  float scale_of(const std::string& value) const { return scales_.at(value); }
  /// Scale and zero point of an activation as initializers; of one element, [1], if `as_vector`.
  void params(const std::string& name, float scale, int zero, DType dtype, bool as_vector);
  /// value -> QuantizeLinear -> DequantizeLinear; returns the dequantized value.
  std::string pair(const std::string& value, float scale, int zero, DType dtype,
                   bool as_vector = false);
  /// Codes of random weights, and their scale and zero point: initializers "name_codes",
  /// "name_scale" and "name_zero". `axis` counts the outputs. Returns the scales.
  std::vector<float> weight_codes(const std::string& name, const Shape& shape, int axis,
                                  const WeightForm& form, std::uint32_t seed);
  /// An int32 bias of scale input x weight, "name_codes", and that scale, "name_scale".
  void bias_codes(const std::string& name, std::int64_t count, float input_scale,
                  const std::vector<float>& weight_scale, std::uint32_t seed);

 private:
  std::map<std::string, float> scales_;
};

/// The attributes of a convolution over images with padding that keeps their size.
void set_conv(octet_onnx::NodeProto& node, int kernel, int stride, int groups = 1);

std::vector<ForeignModel> torch_models();
std::vector<ForeignModel> onnxruntime_models();

}  // namespace octet
