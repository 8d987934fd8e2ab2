#include <charconv>

#include "octet/graph/functions/conditional.h"
#include "octet/graph/graph.h"

namespace octet {
namespace {

std::string number(float x) {
  char text[32];
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, x);
  return std::string(text, end.ptr);
}

template <typename Integers>
std::string joined(const Integers& values, const char* separator = ",") {
  std::string text;
  for (const auto& value : values) {
    if (!text.empty()) text += separator;
    text += std::to_string(value);
  }
  return text;
}

std::string typed_shape(const Value& value) {
  std::string text = to_string(value.shape);
  if (value.dtype != DType::kFloat32) text = std::string(to_string(value.dtype)) + " " + text;
  return text;
}

std::string clamp_text(const Clamp& clamp) {
  const float inf = std::numeric_limits<float>::infinity();
  if (clamp.is_identity()) return "";
  if (clamp == Clamp{0, inf}) return " relu";
  if (clamp == Clamp{0, 6}) return " relu6";
  return " clamp=[" + number(clamp.low) + "," + number(clamp.high) + "]";
}

std::string window_text(const PoolWindow& window) {
  std::string text = " kernel=" + joined(window.kernel, "x") +
                     " stride=" + joined(window.stride, "x") + " pad=" + joined(window.padding);
  if (window.dilation != std::array{1, 1}) text += " dilation=" + joined(window.dilation, "x");
  if (window.ceil_mode) text += " ceil";
  return text;
}

std::string params_text(const TensorQuantParams& params) {
  if (params.axis) {
    return " scales=" + std::to_string(params.scale.size()) +
           " axis=" + std::to_string(*params.axis);
  }
  return " scale=" + number(params.scale.at(0)) +
         " zero_point=" + std::to_string(params.zero_point.at(0));
}

std::string attributes_text(const TensorFunction& function) {
  std::string text;
  for (const Attribute& attribute : function.attributes()) {
    text += " " + attribute.name + "=";
    text += std::visit(Overloaded{
                           [](std::int64_t value) { return std::to_string(value); },
                           [](float value) { return number(value); },
                           [](const std::string& value) { return value; },
                           [](const std::vector<std::int64_t>& values) { return joined(values); },
                           [](const std::vector<float>& values) {
                             std::string list;
                             for (const float value : values) {
                               list += (list.empty() ? "" : ",") + number(value);
                             }
                             return list;
                           },
                           [](const std::vector<std::string>& values) {
                             std::string list;
                             for (const std::string& value : values) {
                               list += (list.empty() ? "" : ",") + value;
                             }
                             return list;
                           },
                       },
                       attribute.value);
  }
  return text;
}

std::string attributes(const Op& op) {
  return std::visit(
      Overloaded{
          [](const Conv2d& conv) {
            std::string text =
                " stride=" + joined(conv.stride, "x") + " pad=" + joined(conv.padding);
            if (conv.dilation != std::array{1, 1}) {
              text += " dilation=" + joined(conv.dilation, "x");
            }
            if (conv.groups != 1) text += " groups=" + std::to_string(conv.groups);
            return text + clamp_text(conv.activation);
          },
          [](const Gemm& gemm) {
            return std::string(gemm.transpose_b ? " transpose_b" : "") +
                   clamp_text(gemm.activation);
          },
          [](const Add& add) { return clamp_text(add.activation); },
          [](const BatchNorm& norm) { return " epsilon=" + number(norm.epsilon); },
          [](const Clip& clip) {
            return " low=" + number(clip.range.low) + " high=" + number(clip.range.high);
          },
          [](const HardSigmoid& op) {
            return " alpha=" + number(op.alpha) + " beta=" + number(op.beta);
          },
          [](const Softmax& softmax) { return " axis=" + std::to_string(softmax.axis); },
          [](const MaxPool& pool) { return window_text(pool.window); },
          [](const AveragePool& pool) {
            return window_text(pool.window) + (pool.count_include_pad ? " count_include_pad" : "");
          },
          [](const Concat& concat) { return " axis=" + std::to_string(concat.axis); },
          [](const Flatten& flatten) { return " axis=" + std::to_string(flatten.axis); },
          [](const Reshape& reshape) { return " dims=" + joined(reshape.dims); },
          [](const Transpose& transpose) { return " perm=" + joined(transpose.perm); },
          [](const Squeeze& squeeze) { return " axes=" + joined(squeeze.axes); },
          [](const Unsqueeze& unsqueeze) { return " axes=" + joined(unsqueeze.axes); },
          [](const Slice& slice) {
            return " axes=" + joined(slice.axes) + " starts=" + joined(slice.starts) +
                   " ends=" + joined(slice.ends) + " steps=" + joined(slice.steps);
          },
          [](const Pad& pad) {
            return " pads=" + joined(pad.pads) + " value=" + number(pad.value);
          },
          [](const Gather& gather) { return " axis=" + std::to_string(gather.axis); },
          [](const Cast& cast) { return " to=" + std::string(to_string(cast.to)); },
          [](const QuantizeLinear& op) { return params_text(op.params); },
          [](const DequantizeLinear& op) { return params_text(op.params); },
          [](const Function& function) { return attributes_text(*function.definition); },
          [](const auto&) { return std::string(); },
      },
      op);
}

std::string inputs_text(const Graph& graph, const std::vector<std::optional<ValueId>>& inputs) {
  std::string text;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i > 0) text += ", ";
    if (!inputs[i]) {
      text += "-";
      continue;
    }
    const Value& value = graph.value(*inputs[i]);
    text += value.name;
    if (value.constant) continue;
    text += ' ';
    text += typed_shape(value);
  }
  return text;
}

void print_nodes(const Graph& graph, const std::string& indent, std::string& text);

/// What the branch reads of the graph around it, its nodes, and what it gives.
void print_branch(const Graph& branch, const char* name, const std::string& indent,
                  std::string& text) {
  text += indent + name + "(";
  text += inputs_text(branch, {branch.inputs().begin(), branch.inputs().end()}) + "):\n";
  print_nodes(branch, indent + "  ", text);
  text += indent + "  ->";
  for (const ValueId id : branch.outputs()) text += " " + branch.value(id).name;
  text += "\n";
}

void print_nodes(const Graph& graph, const std::string& indent, std::string& text) {
  for (const Node& node : graph.nodes()) {
    text += indent + node.name + ": " + std::string(op_name(node.op)) + "(";
    text += inputs_text(graph, node.inputs);
    text += ')';
    text += attributes(node.op);
    text += " -> ";
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const Value& value = graph.value(node.outputs[i]);
      if (i > 0) text += ", ";
      if (value.name != node.name) text += value.name + " ";
      text += typed_shape(value);
    }
    text += "\n";
    const std::span<const Branch> branches = branches_of(node.op);
    for (std::size_t i = branches.size(); i-- > 0;) {
      print_branch(*branches[i].graph, i == 1 ? "then" : "else", indent + "  ", text);
    }
  }
}

}  // namespace

std::string to_string(const Graph& graph) {
  std::string text;
  print_nodes(graph, "", text);
  return text;
}

}  // namespace octet
