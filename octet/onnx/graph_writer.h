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
/// node first reads it, so the bytes depend on the graph alone.
class GraphWriter {
 public:
  GraphWriter(const Graph& graph, octet_onnx::GraphProto& proto);

  const Graph& graph() const { return graph_; }
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
  const Graph& graph_;
  octet_onnx::GraphProto& proto_;
  std::unordered_set<std::string> value_names_;
  std::unordered_set<std::string> node_names_;
  std::unordered_set<ValueId> written_constants_;
  std::unordered_multimap<ValueId, QuantNames> quant_names_;
};

/// Writes one node of octet as one or more nodes of ONNX.
void write_node(GraphWriter& writer, const Node& node);
/// The first opset that has what the op needs, 13 or later.
int required_opset(const Graph& graph, const Node& node);

}  // namespace octet
