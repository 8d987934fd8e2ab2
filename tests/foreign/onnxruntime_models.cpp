// ONNX Runtime's quantization tools: the QDQ and the QOperator format.

#include <algorithm>
#include <cmath>

#include "tests/foreign/foreign_writer.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;

struct OrtForm {
  DType activations = DType::kUInt8;
  WeightForm weights;
  int shift() const { return activations == DType::kInt8 ? -128 : 0; }
};

/// Integer initializers behind DequantizeLinear, scalars per tensor, int32 biases.
class OrtWriter : public ForeignWriter {
 public:
  explicit OrtWriter(OrtForm form) : ForeignWriter(13, 8), form_(form) {}

  std::string activation(const std::string& value, float scale, int zero) {
    return pair(value, scale, zero + form_.shift(), form_.activations);
  }
  /// The two inputs of a layer behind its activation.
  std::vector<std::string> constants(const std::string& name, const std::string& x,
                                     const Shape& shape, int axis, std::uint32_t seed) {
    const auto scale = weight_codes(name + "_w", shape, axis, form_.weights, seed);
    auto& w = dequantize(name + "_w");
    if (form_.weights.per_channel) set_int(w, "axis", axis);
    bias_codes(name + "_b", shape[axis], scale_of(x), scale, seed + 50);
    auto& b = dequantize(name + "_b");
    if (form_.weights.per_channel) set_int(b, "axis", 0);
    return {name + "_w_dq", name + "_b_dq"};
  }
  std::string conv(const std::string& name, const std::string& x, const Shape& shape, int stride,
                   int groups, std::uint32_t seed) {
    const auto inputs = constants(name, x, shape, 0, seed);
    set_conv(model.node("Conv", {x, inputs[0], inputs[1]}, {name}), static_cast<int>(shape[2]),
             stride, groups);
    return name;
  }

 private:
  NodeProto& dequantize(const std::string& name) {
    return model.node("DequantizeLinear", {name + "_codes", name + "_scale", name + "_zero"},
                      {name + "_dq"});
  }
  OrtForm form_;
};

ForeignModel ort_qdq(const std::string& name, const OrtForm& form) {
  OrtWriter net(form);
  net.model.input("x", {2, 3, 12, 12});
  std::string x = net.activation("x", 0.03f, 119);
  net.model.node("Relu", {net.conv("c1", x, {8, 3, 3, 3}, 2, 1, 21)}, {"r1"});
  const std::string r1 = net.activation("r1", 0.015f, 0);
  net.model.node("Relu", {net.conv("c2", r1, {8, 1, 3, 3}, 1, 8, 22)}, {"r2"});
  x = net.activation("r2", 0.012f, 0);
  x = net.activation(net.conv("c3", x, {8, 8, 1, 1}, 1, 1, 23), 0.02f, 120);
  net.model.node("Add", {x, r1}, {"sum"});
  x = net.activation("sum", 0.028f, 100);
  NodeProto& pool = net.model.node("MaxPool", {x}, {"pool"});
  set_ints(pool, "kernel_shape", {2, 2});
  set_ints(pool, "strides", {2, 2});
  x = net.activation("pool", 0.028f, 100);
  net.model.node("LeakyRelu", {x}, {"leaky"});
  x = net.activation("leaky", 0.026f, 10);
  net.model.node("GlobalAveragePool", {x}, {"gap"});
  x = net.activation("gap", 0.012f, 20);
  net.model.node("Flatten", {x}, {"flat"});
  x = net.activation("flat", 0.012f, 20);
  const auto fc = net.constants("fc", x, {8, 10}, 1, 24);
  set_int(net.model.node("Gemm", {x, fc[0], fc[1]}, {"fc"}), "transB", 0);
  x = net.activation("fc", 0.012f, 127);
  net.model.node("Identity", {x}, {"y"});
  net.model.output("y");
  return {name, net.model};
}

/// A convolution over one axis.
ForeignModel ort_qdq_conv1d() {
  OrtWriter net({});
  net.model.input("x", {2, 4, 20});
  std::string x = net.activation("x", 0.03f, 119);
  for (const std::string name : {"c1", "c2"}) {
    const auto inputs = net.constants(name, x, {name == "c1" ? 6 : 8, name == "c1" ? 4 : 6, 3}, 0,
                                      name == "c1" ? 31 : 32);
    NodeProto& conv = net.model.node("Conv", {x, inputs[0], inputs[1]}, {name});
    set_ints(conv, "kernel_shape", {3});
    set_ints(conv, "pads", {1, 1});
    net.model.node("Relu", {name}, {name + "_relu"});
    x = net.activation(name + "_relu", 0.015f, 0);
  }
  net.model.node("Identity", {x}, {"y"});
  net.model.output("y");
  return {"ort_qdq_conv1d", net.model};
}

/// The QOperator format: operators on codes.
ForeignModel ort_qoperator(const std::string& name, const OrtForm& form) {
  ForeignWriter net(13, 8);
  const int shift = form.shift();
  const DType dtype = form.activations;
  net.model.proto.add_opset_import()->set_domain("com.microsoft");
  net.model.proto.mutable_opset_import(1)->set_version(1);
  net.model.input("x", {2, 3, 12, 12});
  const auto microsoft = [&](const std::string& op_type, const std::vector<std::string>& inputs,
                             const std::string& output) -> NodeProto& {
    NodeProto& node = net.model.node(op_type, inputs, {output});
    node.set_domain("com.microsoft");
    return node;
  };
  const auto params = [&](const std::string& value, float scale, int zero) {
    net.params(value, scale, zero + shift, dtype, false);
  };
  const auto three = [](const std::string& value, const std::string& of) {
    return std::vector<std::string>{value, of + "_scale", of + "_zero"};
  };
  const auto conv = [&](const std::string& value, const std::vector<std::string>& x, float in_scale,
                        const Shape& shape, int stride, int groups, std::uint32_t seed) {
    const auto scale = net.weight_codes(value + "_w", shape, 0, form.weights, seed);
    net.bias_codes(value + "_b", shape[0], in_scale, scale, seed + 50);
    std::vector<std::string> inputs = x;
    for (const char* part : {"_w_codes", "_w_scale", "_w_zero", "_scale", "_zero", "_b_codes"}) {
      inputs.push_back(value + part);
    }
    set_conv(net.model.node("QLinearConv", inputs, {value}), static_cast<int>(shape[2]), stride,
             groups);
  };
  params("in", 0.03f, 119);
  net.model.node("QuantizeLinear", {"x", "in_scale", "in_zero"}, {"in"});
  params("c1", 0.015f, 0);  // the Relu behind it is the range of its codes
  conv("c1", three("in", "in"), 0.03f, {8, 3, 3, 3}, 1, 1, 41);
  NodeProto& pool = net.model.node("MaxPool", {"c1"}, {"pool"});
  set_ints(pool, "kernel_shape", {2, 2});
  set_ints(pool, "strides", {2, 2});
  params("c2", 0.02f, 120);
  conv("c2", three("pool", "c1"), 0.015f, {8, 1, 3, 3}, 1, 8, 42);
  params("sum", 0.028f, 90);
  std::vector<std::string> inputs = three("c2", "c2");
  const auto append = [&](const std::vector<std::string>& more) {
    inputs.insert(inputs.end(), more.begin(), more.end());
  };
  append(three("pool", "c1"));
  append({"sum_scale", "sum_zero"});
  microsoft("QLinearAdd", inputs, "sum");
  params("gate", 1.0f / 256.0f, 0);
  inputs = three("sum", "sum");
  append({"gate_scale", "gate_zero"});
  microsoft("QLinearSigmoid", inputs, "gate");
  params("product", 0.02f, 40);
  inputs = three("sum", "sum");
  append(three("gate", "gate"));
  append({"product_scale", "product_zero"});
  microsoft("QLinearMul", inputs, "product");
  params("leaky", 0.02f, 20);
  inputs = three("product", "product");
  append({"leaky_scale", "leaky_zero"});
  set_float(microsoft("QLinearLeakyRelu", inputs, "leaky"), "alpha", 0.1f);
  params("joined", 0.026f, 60);
  inputs = {"joined_scale", "joined_zero"};
  append(three("leaky", "leaky"));
  append(three("sum", "sum"));
  set_int(microsoft("QLinearConcat", inputs, "joined"), "axis", 1);
  params("small", 0.02f, 50);
  inputs = three("joined", "joined");
  append({"small_scale", "small_zero"});
  NodeProto& average = microsoft("QLinearAveragePool", inputs, "small");
  set_ints(average, "kernel_shape", {2, 2});
  set_ints(average, "strides", {2, 2});
  params("gap", 0.01f, 60);
  inputs = three("small", "small");
  append({"gap_scale", "gap_zero"});
  set_int(microsoft("QLinearGlobalAveragePool", inputs, "gap"), "channels_last", 0);
  set_int(net.model.node("Flatten", {"gap"}, {"flat"}), "axis", 1);
  const auto scale = net.weight_codes("fc_w", {16, 10}, 1, form.weights, 43);
  net.bias_codes("fc_b", 10, 0.01f, scale, 93);
  params("fc", 0.012f, 127);
  inputs = three("flat", "gap");
  append({"fc_w_codes", "fc_w_scale", "fc_w_zero", "fc_b_codes", "fc_scale", "fc_zero"});
  NodeProto& gemm = microsoft("QGemm", inputs, "fc");
  set_float(gemm, "alpha", 1.0f);
  set_int(gemm, "transB", 0);
  net.model.node("DequantizeLinear", {"fc", "fc_scale", "fc_zero"}, {"y"});
  net.model.output("y");
  return {name, net.model};
}

/// The same network with its weights in Constant nodes.
ForeignModel with_constant_nodes(ForeignModel source) {
  auto& graph = source.model.graph();
  for (auto& initializer : *graph.mutable_initializer()) {
    NodeProto& node = *graph.add_node();
    node.set_op_type("Constant");
    node.add_output(initializer.name());
    auto& value = *node.add_attribute();
    value.set_name("value");
    value.set_type(octet_onnx::AttributeProto::TENSOR);
    *value.mutable_t() = initializer;
  }
  graph.clear_initializer();
  // Files are in topological order.
  const int added = graph.node_size();
  std::rotate(graph.mutable_node()->pointer_begin(),
              std::find_if(graph.mutable_node()->pointer_begin(),
                           graph.mutable_node()->pointer_begin() + added,
                           [](const NodeProto* node) { return node->op_type() == "Constant"; }),
              graph.mutable_node()->pointer_end());
  source.name += "_constant_nodes";
  return source;
}

}  // namespace

std::vector<ForeignModel> onnxruntime_models() {
  const WeightForm per_tensor{DType::kInt8, 0, false}, uint8{DType::kUInt8, 128, false},
      uint8_lopsided{DType::kUInt8, 97, true};
  std::vector<ForeignModel> models{
      ort_qdq("ort_qdq_u8s8_per_channel", {}),
      ort_qdq("ort_qdq_u8s8_per_tensor", {DType::kUInt8, per_tensor}),
      ort_qdq("ort_qdq_s8s8_per_channel", {DType::kInt8, {}}),
      ort_qdq("ort_qdq_u8u8_per_tensor", {DType::kUInt8, uint8}),
      ort_qdq("ort_qdq_u8u8_per_channel", {DType::kUInt8, uint8_lopsided}),
      ort_qdq_conv1d(),
      ort_qoperator("ort_qoperator_u8s8", {}),
      ort_qoperator("ort_qoperator_s8s8", {DType::kInt8, {}}),
      ort_qoperator("ort_qoperator_u8u8", {DType::kUInt8, uint8}),
  };
  models.push_back(with_constant_nodes(ort_qdq("ort_qdq_u8s8", {})));
  return models;
}

}  // namespace octet
