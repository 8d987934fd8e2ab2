#include <algorithm>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/graph/functions/conditional.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/container.h"
#include "octet/onnx/graph_writer.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/quote.h"
#include "octet/onnx/tensor_proto.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::ModelProto;
using octet_onnx::ValueInfoProto;

constexpr std::string_view kWhere = "onnx export";

std::string dim_name(const Value& value, int axis) {
  const auto index = static_cast<std::size_t>(axis);
  return index < value.dim_names.size() ? value.dim_names[index] : "";
}

/// What the batch is called: as in the file it came from, else "N" unless that is something else.
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

ModelProto to_proto(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (conditional_of(node.op)) {
      fail(ErrorKind::kUnsupported, kWhere, ": node '", node.name,
           "' (If): the condition is known only at run time, accepted: a constant");
    }
  }
  int opset = 13;
  for (const Node& node : graph.nodes()) opset = std::max(opset, required_opset(graph, node));

  ModelProto model;
  model.set_ir_version(opset < 19 ? 8 : opset < 21 ? 9 : 10);
  model.set_producer_name("octet");
  auto& import = *model.add_opset_import();
  import.set_domain("");
  import.set_version(opset);
  for (const auto& [key, value] : graph.metadata) {
    auto& property = *model.add_metadata_props();
    property.set_key(key);
    property.set_value(value);
  }
  octet_onnx::GraphProto& proto = *model.mutable_graph();
  proto.set_name(graph.name.empty() ? "octet" : graph.name);
  const std::string batch = batch_name(graph);
  for (const ValueId input : graph.inputs()) {
    write_value_info(graph.value(input), batch, *proto.add_input());
  }
  GraphWriter writer(graph, proto);
  for (const Node& node : graph.nodes()) write_node(writer, node);
  for (const ValueId output : graph.outputs()) {
    writer.name_of(output);
    write_value_info(graph.value(output), batch, *proto.add_output());
  }
  return model;
}

/// Equal for inference: momentum matters to training alone, and its decimals may be rounded.
bool same_op(const Op& a, const Op& b) {
  const auto* norm_a = std::get_if<BatchNorm>(&a);
  const auto* norm_b = std::get_if<BatchNorm>(&b);
  if (norm_a && norm_b) return norm_a->epsilon == norm_b->epsilon;
  return a == b;
}

/// What differs between two graphs after the same passes; empty if nothing does.
std::string difference(Graph a, Graph b) {
  run_passes(a, inference_passes());
  run_passes(b, inference_passes());
  if (a.metadata != b.metadata) return "the metadata";
  if (to_string(a) != to_string(b)) return "the structure";
  for (std::size_t i = 0; i < a.nodes().size(); ++i) {
    const Node& node_a = a.nodes()[i];
    const Node& node_b = b.nodes()[i];
    if (!same_op(node_a.op, node_b.op)) return "the attributes of node " + quote_name(node_a.name);
    for (std::size_t k = 0; k < node_a.inputs.size(); ++k) {
      if (!node_a.inputs[k]) continue;
      const Value& value = a.value(*node_a.inputs[k]);
      if (value.constant != b.value(*node_b.inputs[k]).constant) {
        return "the constant " + quote_name(value.name);
      }
    }
  }
  return "";
}

}  // namespace

std::vector<std::byte> to_onnx(const Graph& graph) {
  Graph checked = graph;
  infer_shapes(checked);
  verify(checked);
  return serialize_proto(to_proto(checked), kWhere);
}

void export_onnx(const Graph& graph, const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = to_onnx(graph);
  write_file(file, std::span<const std::byte>(bytes));
  const std::string found = difference(graph, import_onnx(file));
  if (!found.empty()) {
    fail(ErrorKind::kInternal, kWhere, ": ", file.string(), ": read again, ", found,
         " is not what was written");
  }
}

}  // namespace octet
