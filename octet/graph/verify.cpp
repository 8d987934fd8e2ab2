#include <set>

#include "octet/graph/check_node.h"
#include "octet/graph/node_error.h"

namespace octet {
namespace {

class StructureCheck {
 public:
  explicit StructureCheck(const Graph& graph)
      : graph_(graph), defined_(graph.values().size(), false) {}

  void run() {
    check_value_names();
    for (ValueId input : graph_.inputs()) check_input(input);
    for (std::size_t i = 0; i < graph_.values().size(); ++i) {
      const Value& value = graph_.values()[i];
      if (!value.constant) continue;
      if (value.constant->dtype() != value.dtype) {
        fail(ErrorKind::kBadData, "constant '", value.name, "': holds ",
             to_string(value.constant->dtype()), ", accepted: ", to_string(value.dtype));
      }
      defined_[i] = true;
    }
    for (const Node& node : graph_.nodes()) check(node);
    if (graph_.outputs().empty()) {
      fail(ErrorKind::kBadData, "graph '", graph_.name, "': no output, accepted: 1 or more");
    }
    for (ValueId output : graph_.outputs()) {
      if (!in_range(output)) fail_id("the outputs", output);
      if (!is_defined(output)) {
        fail(ErrorKind::kBadData, "graph '", graph_.name, "': output '", graph_.value(output).name,
             "' is produced by no node");
      }
    }
  }

 private:
  bool in_range(ValueId id) const { return static_cast<std::size_t>(id) < graph_.values().size(); }
  bool is_defined(ValueId id) const { return defined_[static_cast<std::size_t>(id)]; }

  [[noreturn]] void fail_id(const std::string& where, ValueId id) const {
    fail(ErrorKind::kBadData, "graph '", graph_.name, "': ", where, " name value id ",
         static_cast<std::uint32_t>(id), ", accepted: less than ", graph_.values().size());
  }

  void check_value_names() const {
    std::set<std::string_view> names;
    for (const Value& value : graph_.values()) {
      if (!names.insert(value.name).second) {
        fail(ErrorKind::kBadData, "graph '", graph_.name, "': two values are named '", value.name,
             "', accepted: one");
      }
    }
  }

  void check_input(ValueId input) {
    if (!in_range(input)) fail_id("the inputs", input);
    const Value& value = graph_.value(input);
    if (is_defined(input) || value.constant) {
      fail(ErrorKind::kBadData, "input '", value.name, "': is also ",
           value.constant ? "a constant" : "another input", ", accepted: one definition");
    }
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
      const std::int64_t dim = value.shape[axis];
      if (dim < kUnknownDim || (axis > 0 && dim == kDynamicDim)) {
        fail(ErrorKind::kUnsupported, "input '", value.name, "': dimension ", axis, " is ", dim,
             ", accepted: a size, an unknown one, and for dimension 0 the batch");
      }
    }
    defined_[static_cast<std::size_t>(input)] = true;
  }

  void check(const Node& node) {
    if (!node_names_.insert(node.name).second) {
      fail_node(ErrorKind::kBadData, node, "another node has this name, accepted: unique names");
    }
    for (const std::optional<ValueId>& input : node.inputs) {
      if (!input) continue;
      if (!in_range(*input)) fail_id("the inputs of node '" + node.name + "'", *input);
      if (!is_defined(*input)) {
        fail_node(ErrorKind::kBadData, node, "input '", graph_.value(*input).name,
                  "' is not produced before this node, accepted: topological order");
      }
    }
    for (ValueId output : node.outputs) {
      if (!in_range(output)) fail_id("the outputs of node '" + node.name + "'", output);
      if (is_defined(output)) {
        fail_node(ErrorKind::kBadData, node, "output '", graph_.value(output).name,
                  "' is defined elsewhere, accepted: one producer per value");
      }
      defined_[static_cast<std::size_t>(output)] = true;
    }
  }

  const Graph& graph_;
  std::vector<bool> defined_;
  std::set<std::string_view> node_names_;
};

}  // namespace

void check_structure(const Graph& graph) { StructureCheck(graph).run(); }

void verify(const Graph& graph) {
  check_structure(graph);
  for (const Node& node : graph.nodes()) check_node(graph, node);
}

}  // namespace octet
