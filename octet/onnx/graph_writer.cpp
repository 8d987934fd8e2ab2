#include "octet/onnx/graph_writer.h"

#include "octet/graph/functions/conditional.h"
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

/// What a name stands for in all branches: how many of them hold the one constant; null for others.
struct SharedConstant {
  const Tensor* tensor = nullptr;
  int branches = 0;
};
using SharedConstants = std::unordered_map<std::string, SharedConstant>;

/// Visits the values of all branches inside the graph.
void collect(const Graph& graph, std::unordered_set<std::string>& names, SharedConstants& shared) {
  for (const Node& node : graph.nodes()) {
    for (const Branch& branch : branches_of(node.op)) {
      for (const Value& value : branch.graph->values()) {
        const Tensor* const tensor = value.constant ? &*value.constant : nullptr;
        names.insert(value.name);
        const auto [entry, is_new] = shared.try_emplace(value.name, SharedConstant{tensor, 0});
        ++entry->second.branches;
        const Tensor* const known = entry->second.tensor;
        if (!tensor || !known || !(*tensor == *known)) entry->second.tensor = nullptr;
      }
      collect(*branch.graph, names, shared);
    }
  }
}

}  // namespace

GraphWriter::GraphWriter(const Graph& graph, octet_onnx::GraphProto& proto, std::string batch)
    : graph_(graph), proto_(proto), batch_(std::move(batch)) {
  for (const Value& value : graph.values()) value_names_.insert(value.name);
  SharedConstants shared;
  collect(graph, value_names_, shared);
  for (const auto& [name, constant] : shared) {
    if (constant.tensor && constant.branches > 1) shared_.emplace(name, constant.tensor);
  }
}

GraphWriter::GraphWriter(const Graph& graph, octet_onnx::GraphProto& proto, GraphWriter& around)
    : graph_(graph), proto_(proto), around_(&around), batch_(around.batch_) {}

bool GraphWriter::provides(const std::string& name, const Tensor& constant) {
  if (const std::optional<ValueId> own = graph_.find_value(name)) {
    if (graph_.value(*own).constant != constant) return false;
    name_of(own);
    return true;
  }
  if (around_) return around_->provides(name, constant);
  const auto shared = shared_.find(name);
  if (shared == shared_.end() || !(*shared->second == constant)) return false;
  if (written_shared_.insert(name).second) write_constant(name, constant);
  return true;
}

void GraphWriter::write_constant(const std::string& name, const Tensor& constant) {
  octet_onnx::TensorProto& initializer = *proto_.add_initializer();
  initializer.set_name(name);
  tensor_to_proto(constant, initializer);
}

std::string GraphWriter::name_of(std::optional<ValueId> id) {
  if (!id) return "";
  const Value& value = graph_.value(*id);
  if (value.constant && written_constants_.insert(*id).second &&
      !(around_ && around_->provides(value.name, *value.constant))) {
    write_constant(value.name, *value.constant);
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
  return claim_name(outermost().value_names_, wanted);
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
