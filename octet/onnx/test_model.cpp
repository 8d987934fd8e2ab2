#include "octet/onnx/test_model.h"

#include <gtest/gtest.h>

#include "octet/graph/functions/conditional.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/tensor_proto.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;

AttributeProto& add_attribute(octet_onnx::NodeProto& node, const std::string& name,
                              AttributeProto::AttributeType type) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

TestModel::TestModel(int opset, int ir_version) {
  proto.set_ir_version(ir_version);
  proto.add_opset_import()->set_version(opset);
  graph().set_name("test");
}

TestModel& TestModel::input(const std::string& name, const Shape& shape, DType dtype) {
  octet_onnx::ValueInfoProto& info = *graph().add_input();
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(dtype_to_onnx(dtype));
  type.mutable_shape();
  for (const std::int64_t dim : shape.dims()) {
    if (dim == kDynamicDim) {
      type.mutable_shape()->add_dim()->set_dim_param("N");
    } else {
      type.mutable_shape()->add_dim()->set_dim_value(dim);
    }
  }
  return *this;
}

TestModel& TestModel::constant(const std::string& name, const Tensor& tensor) {
  octet_onnx::TensorProto& initializer = *graph().add_initializer();
  initializer.set_name(name);
  tensor_to_proto(tensor, initializer);
  return *this;
}

TestModel& TestModel::output(const std::string& name) {
  graph().add_output()->set_name(name);
  return *this;
}

octet_onnx::NodeProto& TestModel::node(const std::string& op_type,
                                       const std::vector<std::string>& inputs,
                                       const std::vector<std::string>& outputs) {
  octet_onnx::NodeProto& node = *graph().add_node();
  node.set_op_type(op_type);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  node.set_name(outputs.empty() ? op_type : outputs[0]);
  return node;
}

std::vector<std::byte> TestModel::bytes() const {
  const std::string text = proto.SerializePartialAsString();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Graph TestModel::read() const {
  const std::vector<std::byte> file = bytes();
  return import_onnx(std::span<const std::byte>(file));
}

void set_int(octet_onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  add_attribute(node, name, AttributeProto::INT).set_i(value);
}

void set_ints(octet_onnx::NodeProto& node, const std::string& name,
              const std::vector<std::int64_t>& values) {
  AttributeProto& attribute = add_attribute(node, name, AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void set_float(octet_onnx::NodeProto& node, const std::string& name, float value) {
  add_attribute(node, name, AttributeProto::FLOAT).set_f(value);
}

void set_floats(octet_onnx::NodeProto& node, const std::string& name,
                const std::vector<float>& values) {
  AttributeProto& attribute = add_attribute(node, name, AttributeProto::FLOATS);
  for (const float value : values) attribute.add_floats(value);
}

void set_string(octet_onnx::NodeProto& node, const std::string& name, const std::string& value) {
  add_attribute(node, name, AttributeProto::STRING).set_s(value);
}

void set_tensor(octet_onnx::NodeProto& node, const std::string& name, const Tensor& value) {
  tensor_to_proto(value, *add_attribute(node, name, AttributeProto::TENSOR).mutable_t());
}

Tensor floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from(shape, values);
}

Tensor ints(const std::vector<std::int64_t>& values) {
  return Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values);
}

Tensor ramp(const Shape& shape) {
  Tensor tensor(DType::kFloat32, shape);
  float value = 0.0f;
  for (float& element : tensor.mutable_data<float>()) element = value += 0.01f;
  return tensor;
}

std::string numbered(std::string prefix, std::int64_t number) {
  prefix += std::to_string(number);
  return prefix;
}

std::string expect_error(ErrorKind kind, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), static_cast<int>(kind)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error, expected one of kind " << static_cast<int>(kind);
  return "";
}

void expect_round_trip(Graph graph) {
  run_passes(graph, inference_passes());
  normalize_branches(graph);
  const std::vector<std::byte> bytes = to_onnx(graph);
  Graph again = import_onnx(std::span<const std::byte>(bytes));
  run_passes(again, inference_passes());
  normalize_branches(again);
  EXPECT_EQ(to_string(again), to_string(graph));
  EXPECT_EQ(again.name, graph.name);
  EXPECT_EQ(again.metadata, graph.metadata);
  ASSERT_EQ(again.nodes().size(), graph.nodes().size());
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& a = graph.nodes()[i];
    const Node& b = again.nodes()[i];
    EXPECT_EQ(a.op, b.op) << a.name;
    ASSERT_EQ(a.inputs.size(), b.inputs.size()) << a.name;
    for (std::size_t k = 0; k < a.inputs.size(); ++k) {
      ASSERT_EQ(a.inputs[k].has_value(), b.inputs[k].has_value()) << a.name;
      if (!a.inputs[k]) continue;
      EXPECT_EQ(graph.value(*a.inputs[k]).constant, again.value(*b.inputs[k]).constant) << a.name;
    }
  }
  EXPECT_EQ(to_onnx(again), bytes) << "a second file is the first";
}

}  // namespace octet
