#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "octet/base/error.h"
#include "octet/onnx/attributes.h"
#include "octet/onnx/import_state.h"

namespace octet {

/// One ONNX node as the function that imports its operator sees it: checked access to inputs and
/// attributes, and `emit`, which adds octet's node for it.
class NodeReader {
  // Before `attributes`, which refers to where_.
  ImportState& state_;
  const octet_onnx::NodeProto& proto_;
  std::string name_;
  std::string where_;

 public:
  NodeReader(ImportState& state, const octet_onnx::NodeProto& proto);
  NodeReader(const NodeReader&) = delete;
  NodeReader& operator=(const NodeReader&) = delete;

  Attributes attributes;

  int opset() const { return state_.opset; }
  const std::string& where() const { return where_; }

  /// Error(kBadData) unless the node has between `low` and `high` inputs.
  void expect_inputs(int low, int high);
  int num_inputs() const;
  /// An omitted optional input, "" in the file, counts as absent.
  bool has_input(int index) const;
  /// Error(kBadData) if the input is absent or its name undefined.
  ValueId input(int index);
  std::optional<ValueId> optional_input(int index);

  /// The tensor of an input that is an initializer or a Constant, also behind Identity; null if it
  /// is computed.
  const Tensor* constant(int index) const;
  /// Error(kUnsupported) if it is computed; Error(kBadData) if it is absent.
  const Tensor& require_constant(int index, std::string_view what) const;
  /// A constant input of int64 (or int32) numbers.
  std::vector<std::int64_t> require_ints(int index, std::string_view what) const;
  /// The shape of an input that is a constant or a dequantized one.
  std::optional<Shape> known_shape(int index) const;

  /// The number of outputs that have a name, not counting empty ones at the end.
  int num_outputs() const;
  /// Error(kUnsupported) if one of the outputs from number `count` on has a name.
  void expect_outputs(int count, std::string_view why);

  /// Adds the node that produces this node's (first) output, and returns that.
  ValueId emit(Op op, std::vector<std::optional<ValueId>> inputs);
  /// Adds a node that produces the output `index` alone, next to the one that produces the first.
  void emit_output(int index, Op op, std::vector<std::optional<ValueId>> inputs);
  /// Adds the node with `count` outputs and returns the first.
  ValueId emit_outputs(Op op, std::vector<std::optional<ValueId>> inputs, int count);
  /// The node's value is known now: its output becomes a constant, no node is added.
  void emit_constant(Tensor tensor);
  /// Adds a node before the last one; names end in `suffix`.
  ValueId emit_step(std::string_view suffix, Op op, std::vector<std::optional<ValueId>> inputs);
  ValueId add_constant(std::string_view suffix, Tensor tensor);
  ImportState& state() { return state_; }

  template <typename... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    fail(ErrorKind::kBadData, where_, ": ", parts...);
  }
  template <typename... Parts>
  [[noreturn]] void unsupported(const Parts&... parts) const {
    fail(ErrorKind::kUnsupported, where_, ": ", parts...);
  }

 private:
  /// The entry an input's name leads to, through Identity nodes; null if absent.
  const NamedTensor* find(int index) const;
  ValueId output(int index);
};

/// How octet reads one ONNX operator.
struct OpImport {
  std::string_view name;
  int since;  ///< the first opset that has the operator
  void (*run)(NodeReader& node);
};

/// Null for an operator that octet does not know.
const OpImport* find_op_import(std::string_view name);
/// The same for an operator of ONNX Runtime's domain.
inline constexpr std::string_view kMicrosoftDomain = "com.microsoft";
const OpImport* find_microsoft_import(std::string_view name);
/// What a message says after the name of an unknown operator: the nearest one, and how many there
/// are (their names would fill the screen).
std::string nearest_operator(const std::string& name);

}  // namespace octet
