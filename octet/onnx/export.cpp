#include <algorithm>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/graph/functions/conditional.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/container.h"
#include "octet/onnx/graph_writer.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/quote.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::ModelProto;

constexpr std::string_view kWhere = "onnx export";

ModelProto to_proto(const Graph& graph) {
  const int opset = required_opset(graph);
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
  GraphWriter writer(graph, proto, batch_name(graph));
  write_inputs(writer);
  write_nodes_and_outputs(writer);
  return model;
}

std::string difference_of_nodes(const Graph& a, const Graph& b);

/// Equal for inference: momentum matters to training alone, and its decimals may be rounded.
bool same_op(const Op& a, const Op& b) {
  const auto* norm_a = std::get_if<BatchNorm>(&a);
  const auto* norm_b = std::get_if<BatchNorm>(&b);
  if (norm_a && norm_b) return norm_a->epsilon == norm_b->epsilon;
  if (!is_conditional(a)) return a == b;
  return std::ranges::equal(branches_of(a), branches_of(b),
                            [](const Branch& in_a, const Branch& in_b) {
                              return in_a.captures == in_b.captures &&
                                     in_a.graph->nodes().size() == in_b.graph->nodes().size() &&
                                     difference_of_nodes(*in_a.graph, *in_b.graph).empty();
                            });
}

/// The first difference of ops or constants between graphs that print the same.
std::string difference_of_nodes(const Graph& a, const Graph& b) {
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

/// What differs between two graphs after the same passes; empty if nothing does.
std::string difference(Graph a, Graph b) {
  for (Graph* graph : {&a, &b}) {
    run_passes(*graph, inference_passes());
    normalize_branches(*graph);
  }
  if (a.metadata != b.metadata) return "the metadata";
  if (to_string(a) != to_string(b)) return "the structure";
  return difference_of_nodes(a, b);
}

}  // namespace

std::vector<std::byte> to_onnx(const Graph& graph) {
  Graph checked = graph;
  normalize_branches(checked);
  infer_shapes(checked);
  verify(checked);
  return serialize_proto(to_proto(checked), kWhere);
}

void export_onnx(const Graph& graph, const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = to_onnx(graph);
  write_file(file, std::span<const std::byte>(bytes));
  const std::string found = difference(graph, import_onnx(file, without_limits()));
  if (!found.empty()) {
    fail(ErrorKind::kInternal, kWhere, ": ", file.string(), ": read again, ", found,
         " is not what was written");
  }
}

}  // namespace octet
