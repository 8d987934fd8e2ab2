#include "octet/onnx/import_branches.h"

#include <algorithm>
#include <array>

#include "octet/base/error.h"
#include "octet/graph/functions/conditional.h"
#include "octet/onnx/import_checks.h"
#include "octet/onnx/quote.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::GraphProto;
using octet_onnx::NodeProto;

/// The branches as the file has them: else, then.
std::array<GraphProto*, 2> read_branches(NodeProto& node, const std::string& where) {
  std::array<GraphProto*, 2> protos{};
  for (auto& attribute : *node.mutable_attribute()) {
    const bool is_then = attribute.name() == "then_branch";
    GraphProto*& proto = protos[is_then ? 1 : 0];
    if ((!is_then && attribute.name() != "else_branch") || !attribute.has_g() || proto) {
      fail(ErrorKind::kBadData, where, ": attribute ", quote_name(attribute.name()),
           ", accepted: then_branch and else_branch, a graph each");
    }
    proto = attribute.mutable_g();
  }
  if (!protos[0] || !protos[1] || node.input_size() != 1) {
    fail(ErrorKind::kBadData, where, ": a branch or the condition is missing");
  }
  return protos;
}

/// Only the graph around a branch comes to know the types of what the branch reads of it.
bool needs_types_around(const ImportState& branch) {
  if (!branch.deferred.empty()) return true;
  return std::ranges::any_of(branch.graph.nodes(), [&](const Node& node) {
    return branch.dequantize_without_zero_point.contains(node.outputs[0]) &&
           !branch.graph.value(*node.inputs[0]).constant;
  });
}

Graph import_branch(ImportState& branch, GraphProto& proto, const std::string& where,
                    const ImportGraph& import_graph) {
  int depth = 0;
  for (const ImportState* around = &branch; around->outer; around = around->outer) ++depth;
  if (depth > branch.options.max_depth) {
    fail(ErrorKind::kUnsupported, where, ": branches nested ", depth, " deep, accepted: up to ",
         branch.options.max_depth);
  }
  if (proto.input_size() > 0) {
    fail(ErrorKind::kBadData, where, ": a branch with inputs, accepted: none");
  }
  import_graph(branch, proto);
  if (needs_types_around(branch)) {
    fail(ErrorKind::kUnsupported, where,
         ": a node in a branch whose meaning depends on shapes or types around it, accepted: "
         "explicit pads and zero points");
  }
  branch.graph.sort();
  resolve_dequantize_dtypes(branch);
  return std::move(branch.graph);
}

}  // namespace

void import_if(ImportState& state, NodeProto& node, const std::string& name,
               const ImportGraph& import_graph) {
  const std::string where = where_of("node", name) + " (If)";
  const std::array<GraphProto*, 2> protos = read_branches(node, where);
  std::vector<std::optional<ValueId>> inputs{state.value_of(node.input(0), where)};
  std::array<Branch, 2> branches;
  for (const std::size_t side : {0, 1}) {
    ImportState branch(state.options);
    branch.opset = state.opset;
    branch.outer = &state;
    branches[side].graph =
        std::make_shared<Graph>(import_branch(branch, *protos[side], where, import_graph));
    for (const std::string_view captured : branch.captured) {
      branches[side].captures.push_back(inputs.size());
      inputs.emplace_back(state.value_of(captured, where));
    }
    if (branches[side].graph->outputs().size() != static_cast<std::size_t>(node.output_size())) {
      fail(ErrorKind::kBadData, where, ": ", node.output_size(), " outputs, a branch has ",
           branches[side].graph->outputs().size());
    }
  }
  std::vector<ValueId> outputs;
  for (const std::string& output : node.output()) {
    outputs.push_back(output.empty()
                          ? state.graph.add_value(state.fresh_value_name(name + "_output"))
                          : state.value_of(output, where));
  }
  auto definition = std::make_shared<Conditional>(std::move(branches[1]), std::move(branches[0]));
  state.add_node(name, Function{std::move(definition)}, std::move(inputs), std::move(outputs));
}

}  // namespace octet
