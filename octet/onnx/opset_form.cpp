#include "octet/onnx/opset_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/onnx/run_definitions.h"

namespace octet {

TestModel OpsetForm::model() const {
  TestModel model(opset, opset < 21 ? 8 : 10);
  model.input("x", x.shape(), x.dtype());
  std::vector<std::string> inputs{"x"}, names{"y"};
  for (std::size_t i = 0; i < constants.size(); ++i) {
    const std::string name = constants[i] ? numbered("c", static_cast<std::int64_t>(i)) : "";
    if (constants[i]) model.constant(name, *constants[i]);
    inputs.push_back(name);
  }
  for (int i = 1; i < outputs; ++i) names.push_back(numbered("y", i));
  for (const std::string& name : names) model.output(name);
  attributes(model.node(op_type, inputs, names));
  return model;
}

std::vector<Tensor> OpsetForm::run() const { return run_definitions(model().read(), {x}); }

std::vector<float> numbers(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

void expect_numbers(const OpsetForm& form, const Shape& shape, const std::vector<float>& expected) {
  SCOPED_TRACE(form.op_type + " of opset " + std::to_string(form.opset));
  const Tensor y = form.run()[0];
  EXPECT_EQ(y.shape(), shape);
  EXPECT_THAT(numbers(y), testing::Pointwise(testing::FloatNear(1e-5f), expected));
}

Tensor counting(const Shape& shape) {
  Tensor tensor(DType::kFloat32, shape);
  float next = 1.0f;
  for (float& value : tensor.mutable_data<float>()) value = next++;
  return tensor;
}

}  // namespace octet
