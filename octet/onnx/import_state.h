#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/onnx/onnx.h"

namespace octet_onnx {
class NodeProto;
}

namespace octet {

/// What a tensor's name stands for in the file.
struct NamedTensor {
  std::optional<Tensor> constant;                   ///< an initializer or a Constant node
  const octet_onnx::NodeProto* producer = nullptr;  ///< any other node
  std::optional<ValueId> value;                     ///< once something refers to it
};

/// A decision that needs shapes: made on the node that produces `output`, after shape inference.
struct Deferred {
  ValueId output;
  std::function<void(const Graph& graph, Node& node)> decide;
};

/// The graph under construction and what the names of the file stand for. Values are created when
/// a node first refers to them, so constants that were moved into an op never enter the graph.
class ImportState {
 public:
  explicit ImportState(const ImportOptions& import_options) : options(import_options) {}

  const ImportOptions& options;  ///< must outlive this
  Graph graph;
  int opset = 0;
  /// Of a branch: the graph around it, and the names of it that the branch reads, one for each of
  /// the graph's inputs.
  ImportState* outer = nullptr;
  std::vector<std::string_view> captured;
  /// The keys live in the ModelProto.
  std::unordered_map<std::string_view, NamedTensor> names;
  std::vector<Deferred> deferred;
  /// Outputs of DequantizeLinear nodes whose dtype is that of their input.
  std::unordered_set<ValueId> dequantize_without_zero_point;

  /// The entry of a name, here or in a graph around this one; null if there is none.
  NamedTensor* find(std::string_view name);
  /// The value of a name that the file defines. Error(kBadData) otherwise, starting with `where`.
  ValueId value_of(std::string_view name, std::string_view where);
  /// A name for a value that the file does not know.
  std::string fresh_value_name(const std::string& base) const;
  /// `wanted`, or with a suffix if an earlier node has that name. Constant time also for a file
  /// that gives one name to all nodes.
  std::string unique_node_name(const std::string& wanted);
  void add_node(const std::string& name, Op op, std::vector<std::optional<ValueId>> inputs,
                std::vector<ValueId> outputs);
  void mark_produced(ValueId value) { produced_.insert(value); }
  /// Error(kUnsupported) for a value that is read but that no node came to produce: an optional
  /// output, as the mask of Dropout, that octet has not.
  void require_all_produced() const;

 private:
  std::unordered_set<std::string> node_names_;
  std::unordered_map<std::string, int> node_name_suffix_;
  std::unordered_set<ValueId> produced_;
};

/// Sets the dtype of DequantizeLinear nodes without zero point. Needs sorted nodes.
void resolve_dequantize_dtypes(ImportState& state);
/// Makes the decisions that waited for shapes. One may replace its node by several.
void decide_deferred(ImportState& state);

}  // namespace octet
