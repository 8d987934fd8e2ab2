#include "octet/onnx/graph_writer.h"

#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

std::string claim_name(std::unordered_set<std::string>& taken, const std::string& wanted) {
  std::string name = wanted;
  for (int suffix = 1; !taken.insert(name).second; ++suffix) {
    name = wanted + "_" + std::to_string(suffix);
  }
  return name;
}

template <typename T>
Tensor narrowed(const std::vector<std::int32_t>& values, const Shape& shape) {
  Tensor tensor(dtype_of<T>(), shape);
  for (std::size_t i = 0; i < values.size(); ++i) {
    tensor.mutable_data<T>()[i] = static_cast<T>(values[i]);
  }
  return tensor;
}

Tensor zero_point_tensor(const TensorQuantParams& params, const Shape& shape) {
  switch (params.dtype) {
    case DType::kInt8:
      return narrowed<std::int8_t>(params.zero_point, shape);
    case DType::kUInt8:
      return narrowed<std::uint8_t>(params.zero_point, shape);
    default:
      return narrowed<std::int32_t>(params.zero_point, shape);
  }
}

/// ONNX has no zero point for int32 by specification; runtimes refuse one even where it is 0.
bool needs_zero_point(const TensorQuantParams& params) {
  if (params.dtype != DType::kInt32) return true;
  for (const std::int32_t zero_point : params.zero_point) {
    if (zero_point != 0) return true;
  }
  return false;
}

}  // namespace

GraphWriter::GraphWriter(const Graph& graph, octet_onnx::GraphProto& proto)
    : graph_(graph), proto_(proto) {
  for (const Value& value : graph.values()) value_names_.insert(value.name);
}

std::string GraphWriter::name_of(std::optional<ValueId> id) {
  if (!id) return "";
  const Value& value = graph_.value(*id);
  if (value.constant && written_constants_.insert(*id).second) {
    octet_onnx::TensorProto& initializer = *proto_.add_initializer();
    initializer.set_name(value.name);
    tensor_to_proto(*value.constant, initializer);
  }
  return value.name;
}

std::vector<std::string> GraphWriter::names_of(const std::vector<std::optional<ValueId>>& values) {
  std::vector<std::string> names;
  names.reserve(values.size());
  for (const std::optional<ValueId>& value : values) names.push_back(name_of(value));
  return names;
}

octet_onnx::NodeProto& GraphWriter::add_node(const std::string& op_type, const std::string& name,
                                             std::vector<std::string> inputs,
                                             const std::vector<std::string>& outputs) {
  octet_onnx::NodeProto& node = *proto_.add_node();
  node.set_op_type(op_type);
  node.set_name(claim_name(node_names_, name));
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  return node;
}

std::string GraphWriter::add_initializer(const std::string& wanted, const Tensor& tensor) {
  octet_onnx::TensorProto& initializer = *proto_.add_initializer();
  initializer.set_name(fresh_value_name(wanted));
  tensor_to_proto(tensor, initializer);
  return initializer.name();
}

std::string GraphWriter::fresh_value_name(const std::string& wanted) {
  return claim_name(value_names_, wanted);
}

const QuantNames& GraphWriter::quant_names(ValueId quantized, ValueId tensor,
                                           const TensorQuantParams& params) {
  const auto [begin, end] = quant_names_.equal_range(quantized);
  for (auto known = begin; known != end; ++known) {
    if (known->second.params == params) return known->second;
  }
  const std::string base = graph_.value(tensor).name;
  const Shape shape = params.axis ? Shape{static_cast<std::int64_t>(params.scale.size())} : Shape{};
  QuantNames names{params, add_initializer(base + "_scale", Tensor::from(shape, params.scale)), ""};
  if (needs_zero_point(params)) {
    names.zero_point = add_initializer(base + "_zero_point", zero_point_tensor(params, shape));
  }
  return quant_names_.emplace(quantized, std::move(names))->second;
}

}  // namespace octet
