#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "octet/graph/graph.h"

namespace octet_onnx {
class GraphProto;
class NodeProto;
}  // namespace octet_onnx

namespace octet {

/// Names of the scale and the zero point of one quantized tensor; no zero point: "".
struct QuantNames {
  TensorQuantParams params;
  std::string scale, zero_point;
};

/// A GraphProto that is being written: names stay unique, a constant becomes an initializer when a
/// node first reads it, so the bytes depend on the graph alone. Branches are in their normal form
/// (normalize_branches).
class GraphWriter {
 public:
  /// `batch`: what the dynamic dimension is called.
  GraphWriter(const Graph& graph, octet_onnx::GraphProto& proto, std::string batch);
  /// A branch inside the graph that `around` writes. What both hold is written there; what several
  /// branches hold, in the outermost graph.
  GraphWriter(const Graph& graph, octet_onnx::GraphProto& proto, GraphWriter& around);

  const Graph& graph() const { return graph_; }
  octet_onnx::GraphProto& proto() { return proto_; }
  const std::string& batch() const { return batch_; }
  /// The name of a value, "" for an absent optional input.
  std::string name_of(std::optional<ValueId> value);
  std::vector<std::string> names_of(const std::vector<std::optional<ValueId>>& values);

  octet_onnx::NodeProto& add_node(const std::string& op_type, const std::string& name,
                                  std::vector<std::string> inputs,
                                  const std::vector<std::string>& outputs);
  /// Returns the initializer's name: `wanted`, or with a suffix if that is taken.
  std::string add_initializer(const std::string& wanted, const Tensor& tensor);
  std::string fresh_value_name(const std::string& wanted);
  /// The initializers for the integers `quantized`, shared by all nodes with the same parameters;
  /// their names begin with that of `tensor`.
  const QuantNames& quant_names(ValueId quantized, ValueId tensor, const TensorQuantParams& params);

 private:
  /// Whether branches can read this constant here or further out; it is written then.
  bool provides(const std::string& name, const Tensor& constant);
  void write_constant(const std::string& name, const Tensor& constant);
  GraphWriter& outermost() { return around_ ? around_->outermost() : *this; }

  const Graph& graph_;
  octet_onnx::GraphProto& proto_;
  GraphWriter* around_ = nullptr;
  std::string batch_;
  // Of the outermost graph alone: the names of the whole model, and the constants that several
  // branches hold.
  std::unordered_set<std::string> value_names_;
  std::unordered_map<std::string, const Tensor*> shared_;
  std::unordered_set<std::string> node_names_;
  std::unordered_set<ValueId> written_constants_;
  std::unordered_set<std::string> written_shared_;
  std::unordered_multimap<ValueId, QuantNames> quant_names_;
};

/// What the batch is called: as in the file it came from, else "N" unless that is something else.
std::string batch_name(const Graph& graph);
void write_inputs(GraphWriter& writer);
void write_nodes_and_outputs(GraphWriter& writer);
/// Writes one node of octet as one or more nodes of ONNX.
void write_node(GraphWriter& writer, const Node& node);
/// The networks inside a node, as attributes. Error(kUnsupported) for one that could not run.
void write_branches(GraphWriter& writer, const Node& node, octet_onnx::NodeProto& proto);
/// The first opset that has what the ops need, those inside of branches too; 13 or later.
int required_opset(const Graph& graph);

}  // namespace octet
