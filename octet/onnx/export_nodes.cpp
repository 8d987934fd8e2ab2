#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/graph/functions/conditional.h"
#include "octet/onnx/graph_writer.h"
#include "octet/onnx/momentum.h"
#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::NodeProto;

AttributeProto& add_attribute(NodeProto& node, const char* name,
                              AttributeProto::AttributeType type) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

void add_int(NodeProto& node, const char* name, std::int64_t value) {
  add_attribute(node, name, AttributeProto::INT).set_i(value);
}

void add_float(NodeProto& node, const char* name, float value) {
  add_attribute(node, name, AttributeProto::FLOAT).set_f(value);
}

template <typename Ints>
void add_ints(NodeProto& node, const char* name, const Ints& values) {
  AttributeProto& attribute = add_attribute(node, name, AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

Tensor ints_tensor(const std::vector<std::int64_t>& values) {
  return Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values);
}

Tensor scalar_tensor(DType dtype, float value) {
  switch (dtype) {
    case DType::kFloat32:
      return Tensor::scalar(value);
    case DType::kInt8:
    case DType::kInt4:
      return Tensor::scalar(static_cast<std::int8_t>(value));
    case DType::kUInt8:
    case DType::kUInt4:
      return Tensor::scalar(static_cast<std::uint8_t>(value));
    case DType::kInt32:
      return Tensor::scalar(static_cast<std::int32_t>(value));
    case DType::kInt64:
      return Tensor::scalar(static_cast<std::int64_t>(value));
    case DType::kBool:
      break;
  }
  return Tensor::scalar(value != 0.0f);
}

/// Writes one node; the overloads of `operator()` are octet's operators.
class NodeWriter {
 public:
  NodeWriter(GraphWriter& writer, const Node& node)
      : writer_(writer), node_(node), inputs_(writer.names_of(node.inputs)) {
    for (const ValueId output : node.outputs) outputs_.push_back(writer.name_of(output));
  }

  void operator()(const Conv2d& conv) {
    NodeProto& node = add_clamped("Conv", conv.activation);
    add_ints(node, "dilations", conv.dilation);
    add_int(node, "group", conv.groups);
    const Shape& weight = writer_.graph().value(*node_.inputs[1]).shape;
    // A weight that is an activation may have a size that only the run knows.
    if (weight[2] > 0 && weight[3] > 0) {
      add_ints(node, "kernel_shape", std::array{weight[2], weight[3]});
    }
    add_ints(node, "pads", conv.padding);
    add_ints(node, "strides", conv.stride);
  }
  void operator()(const Gemm& gemm) {
    add_int(add_clamped("Gemm", gemm.activation), "transB", gemm.transpose_b ? 1 : 0);
  }
  void operator()(const Add& op) { add_clamped("Add", op.activation); }
  void operator()(const BatchNorm& norm) {
    NodeProto& node = add();
    add_float(node, "epsilon", norm.epsilon);
    add_float(node, "momentum", opposite_momentum(norm.momentum));
  }
  void operator()(const Clip& clip) { add_clip(node_.name, clip.range, inputs_[0], outputs_[0]); }
  void operator()(const HardSigmoid& op) {
    NodeProto& node = add();
    add_float(node, "alpha", op.alpha);
    add_float(node, "beta", op.beta);
  }
  void operator()(const Softmax& softmax) { add_int(add(), "axis", softmax.axis); }
  void operator()(const MaxPool& pool) {
    NodeProto& node = add();
    add_window(node, pool.window);
    add_ints(node, "dilations", pool.window.dilation);
  }
  void operator()(const AveragePool& pool) {
    NodeProto& node = add();
    add_int(node, "count_include_pad", pool.count_include_pad ? 1 : 0);
    add_window(node, pool.window);
    if (pool.window.dilation != std::array{1, 1}) {
      add_ints(node, "dilations", pool.window.dilation);
    }
  }
  void operator()(const Concat& concat) { add_int(add(), "axis", concat.axis); }
  void operator()(const Flatten& flatten) { add_int(add(), "axis", flatten.axis); }
  void operator()(const Reshape& reshape) {
    if (inputs_.size() == 1) add_input("_shape", ints_tensor(reshape.dims));
    add();
  }
  void operator()(const Transpose& transpose) {
    NodeProto& node = add();
    if (!transpose.perm.empty()) add_ints(node, "perm", transpose.perm);
  }
  void operator()(const Squeeze& squeeze) {
    if (squeeze.axes.empty()) {
      add();  // all axes of size 1
    } else {
      add_with_axes(squeeze.axes);
    }
  }
  void operator()(const Unsqueeze& unsqueeze) { add_with_axes(unsqueeze.axes); }
  void operator()(const Slice& slice) {
    if (inputs_.size() == 1) {
      add_input("_starts", ints_tensor(slice.starts));
      add_input("_ends", ints_tensor(slice.ends));
      add_input("_axes", ints_tensor(slice.axes));
      add_input("_steps", ints_tensor(slice.steps));
    }
    add();
  }
  void operator()(const Pad& pad) {
    if (inputs_.size() == 1) {
      add_input("_pads", ints_tensor(pad.pads));
      add_input("_value", scalar_tensor(writer_.graph().value(*node_.inputs[0]).dtype, pad.value));
    }
    add();
  }
  void operator()(const Gather& gather) { add_int(add(), "axis", gather.axis); }
  void operator()(const Cast& cast) { add_int(add(), "to", dtype_to_onnx(cast.to)); }
  void operator()(const ConstantOfShape& fill) {
    AttributeProto& value = add_attribute(add(), "value", AttributeProto::TENSOR);
    tensor_to_proto(fill.value.reshaped(Shape{1}), *value.mutable_t());
  }
  void operator()(const QuantizeLinear& op) {
    add_quantization(writer_.quant_names(node_.outputs[0], *node_.inputs[0], op.params));
  }
  void operator()(const DequantizeLinear& op) {
    add_quantization(writer_.quant_names(*node_.inputs[0], *node_.inputs[0], op.params));
  }
  void operator()(const Function& function) {
    // Branches read the values around them by name, not through inputs.
    if (is_conditional(function)) inputs_.resize(1);
    NodeProto& node = add();
    write_branches(writer_, node_, node);
    for (const Attribute& attribute : function.definition->attributes()) {
      const char* name = attribute.name.c_str();
      std::visit(Overloaded{
                     [&](std::int64_t value) { add_int(node, name, value); },
                     [&](float value) { add_float(node, name, value); },
                     [&](const std::string& value) {
                       add_attribute(node, name, AttributeProto::STRING).set_s(value);
                     },
                     [&](const std::vector<std::int64_t>& values) { add_ints(node, name, values); },
                     [&](const std::vector<float>& values) {
                       AttributeProto& floats = add_attribute(node, name, AttributeProto::FLOATS);
                       for (const float value : values) floats.add_floats(value);
                     },
                     [&](const std::vector<std::string>& values) {
                       AttributeProto& strings = add_attribute(node, name, AttributeProto::STRINGS);
                       for (const std::string& value : values) strings.add_strings(value);
                     },
                 },
                 attribute.value);
    }
  }
  /// The operators without attributes: ONNX has the same.
  template <typename OpType>
  void operator()(const OpType&) {
    add();
  }

 private:
  NodeProto& add() {
    return writer_.add_node(std::string(op_name(node_.op)), node_.name, inputs_, outputs_);
  }

  void add_input(const std::string& suffix, const Tensor& tensor) {
    inputs_.push_back(writer_.add_initializer(node_.name + suffix, tensor));
  }

  void add_with_axes(const std::vector<std::int64_t>& axes) {
    if (inputs_.size() == 1) add_input("_axes", ints_tensor(axes));
    add();
  }

  /// The operator, and after it the clamp that octet fuses into it, as a node of its own. The
  /// output keeps its name; what lies between gets a new one.
  NodeProto& add_clamped(const std::string& op_type, const Clamp& clamp) {
    if (clamp.is_identity()) return writer_.add_node(op_type, node_.name, inputs_, outputs_);
    const std::string between = writer_.fresh_value_name(outputs_[0] + "_unclamped");
    NodeProto& node = writer_.add_node(op_type, node_.name, inputs_, {between});
    if (clamp.low == 0.0f && std::isinf(clamp.high)) {
      writer_.add_node("Relu", node_.name + "_relu", {between}, outputs_);
    } else {
      add_clip(node_.name + "_clip", clamp, between, outputs_[0]);
    }
    return node;
  }

  void add_clip(const std::string& name, const Clamp& clamp, const std::string& input,
                const std::string& output) {
    std::vector<std::string> inputs{input, "", ""};
    // Only the infinity that leaves everything as it is goes without saying.
    if (clamp.low != -std::numeric_limits<float>::infinity()) {
      inputs[1] = writer_.add_initializer(name + "_min", Tensor::scalar(clamp.low));
    }
    if (clamp.high != std::numeric_limits<float>::infinity()) {
      inputs[2] = writer_.add_initializer(name + "_max", Tensor::scalar(clamp.high));
    }
    writer_.add_node("Clip", name, std::move(inputs), {output});
  }

  void add_window(NodeProto& node, const PoolWindow& window) {
    add_int(node, "ceil_mode", window.ceil_mode ? 1 : 0);
    add_ints(node, "kernel_shape", window.kernel);
    add_ints(node, "pads", window.padding);
    add_ints(node, "strides", window.stride);
  }

  void add_quantization(const QuantNames& names) {
    inputs_.push_back(names.scale);
    inputs_.push_back(names.zero_point);
    NodeProto& node = add();
    if (names.params.axis) add_int(node, "axis", *names.params.axis);
  }

  GraphWriter& writer_;
  const Node& node_;
  std::vector<std::string> inputs_;
  std::vector<std::string> outputs_;
};

}  // namespace

void write_node(GraphWriter& writer, const Node& node) {
  NodeWriter node_writer(writer, node);
  std::visit(node_writer, node.op);
}

namespace {

int required_opset(const Graph& graph, const Node& node) {
  const auto has = [&](std::initializer_list<DType> dtypes) {
    const auto is_one = [&](ValueId id) {
      return std::ranges::find(dtypes, graph.value(id).dtype) != dtypes.end();
    };
    return std::ranges::any_of(node.inputs, [&](const auto& id) { return id && is_one(*id); }) ||
           std::ranges::any_of(node.outputs, is_one);
  };
  if (has({DType::kInt4, DType::kUInt4})) return 21;
  const int of_bytes = has({DType::kInt8, DType::kUInt8}) ? 14 : 13;
  return std::visit(
      Overloaded{[&](const Add&) { return of_bytes; }, [&](const Sub&) { return of_bytes; },
                 [&](const Mul&) { return of_bytes; }, [&](const Div&) { return of_bytes; },
                 [&](const Relu&) { return has({DType::kFloat32}) ? 13 : 14; },
                 [](const HardSwish&) { return 14; },
                 // The axes of the pads, while they are an input.
                 [&](const Pad&) { return node.inputs.size() > 3 ? 18 : 13; },
                 [](const AveragePool& pool) {
                   return pool.window.dilation == std::array{1, 1} ? 13 : 19;
                 },
                 [&](const Function& function) {
                   int opset = function.definition->opset();
                   for (const Branch& branch : branches_of(function)) {
                     const std::optional<Graph> typed = typed_branch(graph, node, branch);
                     if (typed) opset = std::max(opset, required_opset(*typed));
                   }
                   return opset;
                 },
                 [](const auto&) { return 13; }},
      node.op);
}

}  // namespace

int required_opset(const Graph& graph) {
  int opset = 13;
  for (const Node& node : graph.nodes()) opset = std::max(opset, required_opset(graph, node));
  return opset;
}

}  // namespace octet
