#include "octet/onnx/expand_qlinear.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "octet/base/error.h"
#include "octet/onnx/node_reader.h"
#include "octet/onnx/quote.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::GraphProto;
using octet_onnx::NodeProto;

/// How many operands of codes an operator has, and which of ONNX's operators it is on numbers. Each
/// operand is three inputs: codes, scale, zero point. Then come the scale and zero point of the
/// result; QLinearConcat, of any number of operands, has them first.
struct Form {
  std::string_view name, op_type;
  int operands;  ///< 0: any number
};
constexpr Form kForms[] = {
    {"QLinearAdd", "Add", 2},
    {"QLinearAveragePool", "AveragePool", 1},
    {"QLinearConcat", "Concat", 0},
    {"QLinearGlobalAveragePool", "GlobalAveragePool", 1},
    {"QLinearLeakyRelu", "LeakyRelu", 1},
    {"QLinearMul", "Mul", 2},
    {"QLinearSigmoid", "Sigmoid", 1},
    {"QLinearSoftmax", "Softmax", 1},
};

/// Operators of the domain that are ONNX's under another name.
constexpr std::string_view kSame[] = {"DequantizeLinear", "QLinearConv", "QuantizeLinear"};

std::string where_of(const NodeProto& node) {
  const bool named = !node.name().empty() || node.output_size() == 0;
  return "onnx import: node " + quote_name(named ? node.name() : node.output(0)) + " (" +
         node.op_type() + ")";
}

/// Takes an int attribute away; `otherwise` if there is none.
std::int64_t take_int(NodeProto& node, std::string_view name, std::int64_t otherwise) {
  auto& attributes = *node.mutable_attribute();
  for (int i = 0; i < attributes.size(); ++i) {
    if (attributes[i].name() != name || !attributes[i].has_i()) continue;
    const std::int64_t value = attributes[i].i();
    attributes.DeleteSubrange(i, 1);
    return value;
  }
  return otherwise;
}

class Expander {
 public:
  Expander(GraphProto& graph, int opset) : graph_(graph), opset_(opset) {
    for (const auto& input : graph.input()) names_.insert(input.name());
    for (const auto& initializer : graph.initializer()) names_.insert(initializer.name());
    for (const NodeProto& node : graph.node()) {
      names_.insert(node.output().begin(), node.output().end());
    }
  }

  void expand(NodeProto& node) {
    if (take_int(node, "channels_last", 0) != 0) {
      fail(ErrorKind::kUnsupported, where_of(node),
           ": attribute 'channels_last' = 1, accepted: 0 (channels behind the batch)");
    }
    const auto* form = std::ranges::find(kForms, node.op_type(), &Form::name);
    if (form == std::end(kForms)) {
      node.clear_domain();
      return;
    }
    check_inputs(node, *form);
    if (form->op_type == "Softmax") check_softmax(node);
    const std::vector<std::string> inputs(node.input().begin(), node.input().end());
    const int operands = form->operands == 0 ? (node.input_size() - 2) / 3 : form->operands;
    const int first = form->operands == 0 ? 2 : 0;
    const int result = form->operands == 0 ? 0 : 3 * operands;
    const std::string output = node.output(0);
    node.clear_input();
    for (int i = 0; i < operands; ++i) {
      const std::string numbers = fresh(output + "_operand" + std::to_string(i));
      add("DequantizeLinear", inputs, first + 3 * i, {}, numbers);
      node.add_input(numbers);
    }
    const std::string numbers = fresh(output + "_numbers");
    add("QuantizeLinear", inputs, result, numbers, output);
    node.set_output(0, numbers);
    node.set_op_type(std::string(form->op_type));
    node.clear_domain();
  }

 private:
  static void check_inputs(const NodeProto& node, const Form& form) {
    const int found = node.input_size(), most = 3 * form.operands + 2;
    const bool fits =
        form.operands == 0 ? found >= 5 && found % 3 == 2 : found == most || found == most - 1;
    if (fits && node.output_size() == 1 && !node.output(0).empty()) return;
    fail(ErrorKind::kBadData, where_of(node), ": ", found, " inputs and ", node.output_size(),
         " outputs, accepted: ",
         form.operands == 0 ? "a scale, a zero point and three per operand"
                            : std::to_string(most - 1) + " or " + std::to_string(most) + " inputs",
         ", one output");
  }

  /// `opset` says which Softmax it is; the model's own opset decides here.
  void check_softmax(NodeProto& node) const {
    const std::int64_t opset = take_int(node, "opset", 13);
    if ((opset < 13) != (opset_ < 13)) {
      fail(ErrorKind::kUnsupported, where_of(node), ": attribute 'opset' = ", opset, " in opset ",
           opset_, ", accepted: the same side of 13");
    }
  }

  std::string fresh(const std::string& base) {
    std::string name = base;
    for (int suffix = 1; !names_.insert(name).second; ++suffix) {
      name = base + "_" + std::to_string(suffix);
    }
    return name;
  }

  /// A QuantizeLinear or DequantizeLinear whose scale and zero point are inputs[at + 1] and [at +
  /// 2] behind codes at [at]; of numbers `x`, inputs[at] and [at + 1].
  void add(const char* op_type, const std::vector<std::string>& inputs, int at,
           const std::string& x, const std::string& output) {
    NodeProto& node = *graph_.add_node();
    node.set_op_type(op_type);
    if (!x.empty()) node.add_input(x);
    const int count = x.empty() ? 3 : 2;
    for (int i = at; i < at + count && i < static_cast<int>(inputs.size()); ++i) {
      node.add_input(inputs[static_cast<std::size_t>(i)]);
    }
    node.add_output(output);
  }

  GraphProto& graph_;
  int opset_;
  std::unordered_set<std::string> names_;
};

bool is_expanded(const NodeProto& node) {
  return node.domain() == kMicrosoftDomain &&
         (std::ranges::find(kForms, node.op_type(), &Form::name) != std::end(kForms) ||
          std::ranges::find(kSame, node.op_type()) != std::end(kSame));
}

}  // namespace

void expand_qlinear(GraphProto& graph, int opset) {
  const int count = graph.node_size();
  if (std::ranges::none_of(graph.node(), is_expanded)) return;
  Expander expander(graph, opset);
  for (int i = 0; i < count; ++i) {
    if (is_expanded(graph.node(i))) expander.expand(*graph.mutable_node(i));
  }
}

std::string expanded_operator_names() {
  std::string names;
  for (const Form& form : kForms) {
    if (!names.empty()) names += ", ";
    names += form.name;
  }
  return names;
}

}  // namespace octet
