#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "octet/onnx/test_model.h"

namespace octet {

/// For tests: a model of one node: x, then constant inputs ("" where absent), then outputs y, y1
/// ...
struct OpsetForm {
  int opset;
  std::string op_type;
  Tensor x;
  std::vector<std::optional<Tensor>> constants;
  std::function<void(octet_onnx::NodeProto&)> attributes = [](octet_onnx::NodeProto&) {};
  int outputs = 1;

  TestModel model() const;
  /// The outputs by definition.
  std::vector<Tensor> run() const;
};

std::vector<float> numbers(const Tensor& tensor);
/// 1, 2, 3, ...
Tensor counting(const Shape& shape);
/// Fails the test unless the output has this shape and, to 1e-5, these numbers.
void expect_numbers(const OpsetForm& form, const Shape& shape, const std::vector<float>& expected);

}  // namespace octet
