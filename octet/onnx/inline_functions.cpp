#include "octet/onnx/inline_functions.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "octet/base/error.h"
#include "octet/onnx/import_checks.h"
#include "octet/onnx/quote.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::FunctionProto;
using octet_onnx::GraphProto;
using octet_onnx::ModelProto;
using octet_onnx::NodeProto;

using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;
using Strings = google::protobuf::RepeatedPtrField<std::string>;

/// domain, name, overload
using Key = std::array<std::string, 3>;

template <typename Proto>
Key key_of(const Proto& proto, const std::string& name) {
  return {is_default_domain(proto.domain()) ? "" : proto.domain(), name, proto.overload()};
}

/// The attributes of a call and what the function says of those that are not given.
class Parameters {
 public:
  Parameters(const NodeProto& call, const FunctionProto& function)
      : call_(call), function_(function) {}

  /// What a reference to a parameter stands for; null: it is left out.
  const AttributeProto* find(const std::string& name) const {
    for (const AttributeProto& attribute : call_.attribute()) {
      if (attribute.name() == name) return &attribute;
    }
    for (const AttributeProto& attribute : function_.attribute_proto()) {
      if (attribute.name() == name) return &attribute;
    }
    return nullptr;
  }

 private:
  const NodeProto& call_;
  const FunctionProto& function_;
};

/// What the names inside a function are outside of it.
using Renaming = std::unordered_map<std::string, std::string>;

/// Copies the nodes of one function for one call: other names, parameters replaced.
class Substitution {
 public:
  Substitution(const Renaming& names, const Parameters& parameters)
      : names_(names), parameters_(parameters) {}

  void apply(NodeProto& node) { apply(node, {}); }

 private:
  /// Names that a branch defines itself hide those of the function around it.
  using Hidden = std::unordered_set<std::string>;

  void rename(Strings& names, const Hidden& hidden) const {
    for (std::string& name : names) {
      const auto found = names_.find(name);
      if (found != names_.end() && !hidden.contains(name)) name = found->second;
    }
  }

  void apply(NodeProto& node, const Hidden& hidden) {
    rename(*node.mutable_input(), hidden);
    rename(*node.mutable_output(), hidden);
    auto& attributes = *node.mutable_attribute();
    for (int i = attributes.size(); i-- > 0;) {
      AttributeProto& attribute = attributes[i];
      if (!attribute.ref_attr_name().empty()) {
        const AttributeProto* given = parameters_.find(attribute.ref_attr_name());
        if (given == nullptr) {
          attributes.DeleteSubrange(i, 1);
          continue;
        }
        const std::string name = attribute.name();
        attribute = *given;
        attribute.set_name(name);
        continue;  // what the call gives knows nothing of the function's names
      }
      if (attribute.has_g()) apply(*attribute.mutable_g(), hidden);
      for (GraphProto& graph : *attribute.mutable_graphs()) apply(graph, hidden);
    }
  }

  void apply(GraphProto& graph, Hidden hidden) {
    for (const auto& input : graph.input()) hidden.insert(input.name());
    for (const auto& initializer : graph.initializer()) hidden.insert(initializer.name());
    for (const NodeProto& node : graph.node()) {
      hidden.insert(node.output().begin(), node.output().end());
    }
    for (NodeProto& node : *graph.mutable_node()) apply(node, hidden);
    for (auto& output : *graph.mutable_output()) {
      const auto found = names_.find(output.name());
      if (found != names_.end() && !hidden.contains(output.name())) output.set_name(found->second);
    }
  }

  const Renaming& names_;
  const Parameters& parameters_;
};

class Inliner {
 public:
  Inliner(ModelProto& model, const ImportOptions& limits)
      : limits_(limits),
        opset_(read_opset(model)),
        max_bytes_(static_cast<std::size_t>(limits.max_fold_bytes) + 4 * model.ByteSizeLong()) {
    for (const FunctionProto& function : model.functions()) {
      check_name("function", function.name(), limits);
      if (!functions_.emplace(key_of(function, function.name()), &function).second) {
        fail(ErrorKind::kBadData, where_of(function), ": defined twice, accepted: once");
      }
    }
    collect_names(model.graph());
  }

  void graph(GraphProto& graph) {
    Nodes nodes;
    nodes.Swap(graph.mutable_node());
    for (NodeProto& node : nodes) expand(std::move(node), *graph.mutable_node());
  }

 private:
  static std::string where_of(const FunctionProto& function) {
    return octet::where_of("function", function.name());
  }

  /// Names that are taken: what a call makes must not clash with them.
  void collect_names(const GraphProto& graph) {
    for (const auto& input : graph.input()) taken_.insert(input.name());
    for (const auto& initializer : graph.initializer()) taken_.insert(initializer.name());
    for (const NodeProto& node : graph.node()) {
      taken_.insert(node.output().begin(), node.output().end());
      for (const AttributeProto& attribute : node.attribute()) {
        if (attribute.has_g()) collect_names(attribute.g());
        for (const GraphProto& branch : attribute.graphs()) collect_names(branch);
      }
    }
  }

  std::string fresh_name(const std::string& call, const std::string& inner) {
    std::string name = call + "/" + inner;
    if (name.size() > limits_.max_name_bytes) name = inner;
    while (!taken_.insert(name).second) name = inner + "_" + std::to_string(++suffix_);
    return name;
  }

  /// Appends the node, or what it stands for.
  void expand(NodeProto node, Nodes& result) {
    const auto found = functions_.find(key_of(node, node.op_type()));
    if (found == functions_.end()) {
      for (AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) graph(*attribute.mutable_g());
        for (GraphProto& branch : *attribute.mutable_graphs()) graph(branch);
      }
      *result.Add() = std::move(node);
      return;
    }
    const FunctionProto& function = *found->second;
    require_callable(node, function);
    stack_.push_back(&function);
    expand_call(node, function, result);
    stack_.pop_back();
  }

  void require_callable(const NodeProto& call, const FunctionProto& function) const {
    if (std::ranges::find(stack_, &function) != stack_.end()) {
      fail(ErrorKind::kBadData, where_of(function),
           ": calls itself, accepted: functions without recursion");
    }
    if (stack_.size() >= static_cast<std::size_t>(limits_.max_depth)) {
      fail(ErrorKind::kUnsupported, where_of(function), ": calls nested deeper than ",
           limits_.max_depth);
    }
    if (call.input_size() > function.input_size() || call.output_size() > function.output_size()) {
      fail(ErrorKind::kBadData, octet::where_of("node", call.name()), ": ", call.input_size(),
           " inputs and ", call.output_size(), " outputs, accepted: up to ", function.input_size(),
           " and ", function.output_size(), " of function ", quote_name(function.name()));
    }
    for (const auto& import : function.opset_import()) {
      if (!is_default_domain(import.domain()) || import.version() == opset_) continue;
      fail(ErrorKind::kUnsupported, where_of(function), ": opset ", import.version(),
           " in a model of opset ", opset_, ", accepted: the same");
    }
  }

  void expand_call(const NodeProto& call, const FunctionProto& function, Nodes& result) {
    std::string name = call.name();
    for (int i = 0; name.empty() && i < call.output_size(); ++i) name = call.output(i);
    Renaming names{{"", ""}};
    for (int i = 0; i < function.input_size(); ++i) {
      names[function.input(i)] = i < call.input_size() ? call.input(i) : "";
    }
    // An output that is an input too has no node of its own.
    std::vector<std::pair<std::string, std::string>> passed_on;
    for (int i = 0; i < function.output_size(); ++i) {
      const std::string& inner = function.output(i);
      const std::string outer = i < call.output_size() ? call.output(i) : "";
      if (names.contains(inner)) {
        if (!outer.empty()) passed_on.emplace_back(names[inner], outer);
      } else {
        names[inner] = outer.empty() ? fresh_name(name, inner) : outer;
      }
    }
    for (const NodeProto& node : function.node()) {
      for (const std::string& output : node.output()) {
        if (!names.contains(output)) names[output] = fresh_name(name, output);
      }
    }
    const Parameters parameters(call, function);
    Substitution substitution(names, parameters);
    for (const NodeProto& node : function.node()) {
      for (const std::string& input : node.input()) {
        if (names.contains(input)) continue;
        fail(ErrorKind::kBadData, where_of(function), ": input ", quote_name(input), " of node ",
             quote_name(node.name()), " is not defined in it");
      }
      count(node, function);
      NodeProto copy = node;
      substitution.apply(copy);
      copy.set_name(name + "/" + (node.name().empty() ? node.op_type() : node.name()));
      if (copy.name().size() > limits_.max_name_bytes) copy.set_name(node.name());
      expand(std::move(copy), result);
    }
    for (const auto& [from, to] : passed_on) {
      NodeProto& identity = *result.Add();
      identity.set_op_type("Identity");
      identity.set_name(to);
      identity.add_input(from);
      identity.add_output(to);
    }
  }

  /// Calls that call two others each double from level to level.
  void count(const NodeProto& node, const FunctionProto& function) {
    if (++expansions_ > limits_.max_expansions) {
      fail(ErrorKind::kUnsupported, where_of(function), ": calls expand to more than ",
           limits_.max_expansions, " nodes");
    }
    bytes_ += node.ByteSizeLong();
    if (bytes_ > max_bytes_) {
      fail(ErrorKind::kUnsupported, where_of(function), ": calls expand to more than ", max_bytes_,
           " bytes");
    }
  }

  const ImportOptions& limits_;
  std::int64_t opset_;
  std::size_t max_bytes_;
  std::map<Key, const FunctionProto*> functions_;
  std::unordered_set<std::string> taken_;
  std::vector<const FunctionProto*> stack_;
  std::size_t expansions_ = 0, bytes_ = 0, suffix_ = 0;
};

}  // namespace

void inline_functions(ModelProto& model, const ImportOptions& limits) {
  if (model.functions_size() > 0) Inliner(model, limits).graph(*model.mutable_graph());
}

}  // namespace octet
