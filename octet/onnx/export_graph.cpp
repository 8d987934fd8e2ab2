#include <algorithm>

#include "octet/base/error.h"
#include "octet/graph/functions/conditional.h"
#include "octet/onnx/graph_writer.h"
#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::GraphProto;
using octet_onnx::NodeProto;
using octet_onnx::ValueInfoProto;

std::string dim_name(const Value& value, int axis) {
  const auto index = static_cast<std::size_t>(axis);
  return index < value.dim_names.size() ? value.dim_names[index] : "";
}

void write_value_info(const Value& value, const std::string& batch, ValueInfoProto& info) {
  info.set_name(value.name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(dtype_to_onnx(value.dtype));
  auto& shape = *type.mutable_shape();  // a scalar has a shape without dimensions
  for (int axis = 0; axis < value.shape.rank(); ++axis) {
    const std::int64_t dim = value.shape[axis];
    auto& written = *shape.add_dim();  // one without name and number is of any size
    if (dim >= 0) {
      written.set_dim_value(dim);
    } else if (dim == kDynamicDim) {
      written.set_dim_param(batch);
    } else if (!dim_name(value, axis).empty()) {
      written.set_dim_param(dim_name(value, axis));
    }
  }
}

}  // namespace

std::string batch_name(const Graph& graph) {
  std::string name;
  bool taken = false;
  for (const ValueId id : graph.inputs()) {
    const Value& input = graph.value(id);
    for (int axis = 0; axis < input.shape.rank(); ++axis) {
      if (input.shape[axis] == kDynamicDim && name.empty()) name = dim_name(input, axis);
      taken = taken || (input.shape[axis] == kUnknownDim && dim_name(input, axis) == "N");
    }
  }
  return !name.empty() ? name : taken ? "batch" : "N";
}

void write_inputs(GraphWriter& writer) {
  for (const ValueId input : writer.graph().inputs()) {
    write_value_info(writer.graph().value(input), writer.batch(), *writer.proto().add_input());
  }
}

void write_nodes_and_outputs(GraphWriter& writer) {
  for (const Node& node : writer.graph().nodes()) write_node(writer, node);
  for (const ValueId output : writer.graph().outputs()) {
    writer.name_of(output);
    write_value_info(writer.graph().value(output), writer.batch(), *writer.proto().add_output());
  }
}

void write_branches(GraphWriter& writer, const Node& node, NodeProto& proto) {
  const std::span<const Branch> branches = branches_of(node.op);
  for (std::size_t i = branches.size(); i-- > 0;) {
    const char* const name = i == 1 ? "then_branch" : "else_branch";
    const std::optional<Graph> branch = typed_branch(writer.graph(), node, branches[i]);
    if (!branch) {
      fail(ErrorKind::kUnsupported, "onnx export: node '", node.name, "' (If): its ", name,
           " contradicts the types of what it reads, accepted: branches that could run");
    }
    verify(*branch);
    AttributeProto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    attribute.set_type(AttributeProto::GRAPH);
    GraphProto& graph = *attribute.mutable_g();
    graph.set_name(node.name + "_" + name);
    GraphWriter inner(*branch, graph, writer);
    write_nodes_and_outputs(inner);
  }
}

}  // namespace octet
