#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/graph/op.h"

namespace octet {

enum class ValueId : std::uint32_t {};
enum class NodeId : std::uint32_t {};

/// A tensor that flows through the graph: an input, a constant or the output of one node.
struct Value {
  std::string name;  ///< unique in the graph
  DType dtype = DType::kFloat32;
  Shape shape;  ///< valid after infer_shapes; sizes may be kDynamicDim (the batch) or kUnknownDim
  std::optional<Tensor> constant;
  /// Of a graph input, what its file calls each dimension ("" for a number), or nothing.
  std::vector<std::string> dim_names = {};
};

/// An operator applied to values. An absent optional input is std::nullopt (only ops that say so).
struct Node {
  std::string name;  ///< unique in the graph; error messages use it
  Op op;
  std::vector<std::optional<ValueId>> inputs;
  std::vector<ValueId> outputs;
};

/// A network: values and nodes in topological order, as ONNX demands. A value type: copying it
/// copies the structure and shares the constants' bytes until one side writes them.
///
/// Ids stay valid while nodes and values are added; `compact` renumbers.
class Graph {
 public:
  std::string name = "octet";
  /// ONNX metadata_props: preprocessing, class names, the configuration that made the model.
  std::map<std::string, std::string> metadata;

  ValueId add_input(std::string value_name, DType dtype, Shape shape);
  ValueId add_constant(std::string value_name, Tensor tensor);
  /// A value that some node will produce.
  ValueId add_value(std::string value_name, DType dtype = DType::kFloat32, Shape shape = {});
  /// Appends a node. Its inputs must exist. Names are made unique by a suffix if need be.
  NodeId add_node(std::string node_name, Op op, std::vector<std::optional<ValueId>> inputs,
                  std::vector<ValueId> outputs);
  /// Appends a node with one output value named after the node; returns that value.
  ValueId add(std::string node_name, Op op, std::vector<std::optional<ValueId>> inputs);
  void add_output(ValueId value) { outputs_.push_back(value); }

  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  Value& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  Node& node(NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }

  /// Nodes in execution order.
  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<Node>& nodes() { return nodes_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  std::vector<ValueId>& inputs() { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  std::vector<ValueId>& outputs() { return outputs_; }

  /// `base` if no value has that name, else `base` with a free numeric suffix: the first one if
  /// those before it are all taken.
  std::string unique_value_name(const std::string& base) const;
  std::optional<ValueId> find_value(const std::string& value_name) const;
  std::optional<NodeId> find_node(const std::string& node_name) const;

  /// Makes every consumer of `from` (nodes and graph outputs) read `to` instead.
  void replace_uses(ValueId from, ValueId to);
  /// Sorts nodes topologically (stable). Error(kBadData) on a cycle, naming a node on it.
  void sort();
  /// Drops values that nothing refers to and renumbers the rest. Ids become invalid.
  void compact();

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  std::map<std::string, ValueId> value_names_;
  std::map<std::string, NodeId> node_names_;
};

/// For every value, the node that produces it (nullopt: input or constant).
std::vector<std::optional<NodeId>> producers(const Graph& graph);
/// For every value, the nodes that read it, in order; a node that reads it twice is listed twice.
/// Graph outputs are not listed.
std::vector<std::vector<NodeId>> consumers(const Graph& graph);
bool is_graph_output(const Graph& graph, ValueId value);

/// Checks every invariant: ids in range, unique names, one producer per value, topological order,
/// arity and attribute ranges per op, dtypes. Error(kBadData) naming the node.
void verify(const Graph& graph);

/// Sets dtype and shape of every value. Error(kBadData) naming the node where shapes do not fit:
///   node 'conv1' (Conv): input channels 3 x groups 1, weight [16, 4, 3, 3] expects 4
void infer_shapes(Graph& graph);

/// One line per node, stable across runs: tests compare it and `octet info` shows it.
///   conv1: Conv(input [N, 3, 32, 32], weight) stride=1x1 pad=1,1,1,1 relu -> [N, 32, 32, 32]
std::string to_string(const Graph& graph);

/// Elements of all float constants that training would update: weights, biases, batch-norm scale
/// and shift (not the running statistics). For a quantized graph the integer weights and biases.
std::int64_t count_parameters(const Graph& graph);
/// Multiply-accumulates of Conv, Gemm, MatMul and MatMulInteger for one sample.
std::int64_t count_macs(const Graph& graph);
std::int64_t count_macs(const Graph& graph, const Node& node);
/// Bytes of all constants: what the network weighs, without names and structure.
std::int64_t constant_bytes(const Graph& graph);

}  // namespace octet
