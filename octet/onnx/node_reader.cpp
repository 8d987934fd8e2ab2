#include "octet/onnx/node_reader.h"

#include "octet/onnx/quote.h"
#include "octet_onnx.pb.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;

// A chain of Identity nodes is followed this far to find a constant: exporters write one or two.
constexpr int kMaxIdentities = 16;

std::string name_of(const NodeProto& proto) {
  if (!proto.name().empty()) return proto.name();
  if (proto.output_size() > 0 && !proto.output(0).empty()) return proto.output(0);
  return proto.op_type();
}

/// Whether the node's output `name` is its first input. A Dropout with three inputs may train.
bool passes_first_input_on(const NodeProto& node, std::string_view name) {
  return node.input_size() > 0 && node.output(0) == name &&
         (node.op_type() == "Identity" || (node.op_type() == "Dropout" && node.input_size() < 3));
}

}  // namespace

NodeReader::NodeReader(ImportState& state, const NodeProto& proto)
    : state_(state),
      proto_(proto),
      name_(name_of(proto)),
      where_("onnx import: node " + quote_name(name_) + " (" + proto.op_type() + ")"),
      attributes(proto, where_, state.options) {}

void NodeReader::expect_inputs(int low, int high) {
  if (proto_.input_size() < low || proto_.input_size() > high) {
    bad(proto_.input_size(), " inputs, accepted in opset ", opset(), ": ", low, " to ", high);
  }
}

int NodeReader::num_inputs() const { return proto_.input_size(); }

bool NodeReader::has_input(int index) const {
  return index < proto_.input_size() && !proto_.input(index).empty();
}

ValueId NodeReader::input(int index) {
  if (!has_input(index)) bad("input ", index, " is missing");
  return state_.value_of(proto_.input(index), where_);
}

std::optional<ValueId> NodeReader::optional_input(int index) {
  return has_input(index) ? std::optional(input(index)) : std::nullopt;
}

const NamedTensor* NodeReader::find(int index) const {
  if (!has_input(index)) return nullptr;
  std::string_view name = proto_.input(index);
  const NamedTensor* tensor = nullptr;
  for (int step = 0; step < kMaxIdentities; ++step) {
    tensor = state_.find(name);
    if (!tensor) return nullptr;
    const NodeProto* producer = tensor->producer;
    if (!producer || !passes_first_input_on(*producer, name)) break;
    name = producer->input(0);
  }
  return tensor;
}

const Tensor* NodeReader::constant(int index) const {
  const NamedTensor* tensor = find(index);
  return tensor && tensor->constant ? &*tensor->constant : nullptr;
}

const Tensor& NodeReader::require_constant(int index, std::string_view what) const {
  if (!has_input(index)) bad(what, " (input ", index, ") is missing");
  const Tensor* tensor = constant(index);
  if (!tensor) {
    unsupported(what, " ", quote_name(proto_.input(index)),
                " is computed at run time, accepted: an initializer or Constant");
  }
  return *tensor;
}

std::vector<std::int64_t> NodeReader::require_ints(int index, std::string_view what) const {
  const Tensor& tensor = require_constant(index, what);
  if (tensor.shape().rank() > 1) {
    bad(what, " has shape ", to_string(tensor.shape()), ", accepted: rank 1");
  }
  if (tensor.dtype() == DType::kInt64) {
    const auto values = tensor.data<std::int64_t>();
    return {values.begin(), values.end()};
  }
  if (tensor.dtype() == DType::kInt32) {
    const auto values = tensor.data<std::int32_t>();
    return {values.begin(), values.end()};
  }
  bad(what, " is ", to_string(tensor.dtype()), ", accepted: int64, int32");
}

std::optional<Shape> NodeReader::known_shape(int index) const {
  const NamedTensor* tensor = find(index);
  for (int step = 0; tensor && step < kMaxIdentities; ++step) {
    if (tensor->constant) return tensor->constant->shape();
    const NodeProto* producer = tensor->producer;
    const bool keeps_shape =
        producer && producer->input_size() > 0 &&
        (producer->op_type() == "Identity" || producer->op_type() == "Dropout" ||
         producer->op_type() == "QuantizeLinear" || producer->op_type() == "DequantizeLinear");
    if (!keeps_shape) return std::nullopt;
    tensor = state_.find(producer->input(0));
  }
  return std::nullopt;
}

int NodeReader::num_outputs() const {
  int count = proto_.output_size();
  while (count > 0 && proto_.output(count - 1).empty()) --count;
  return count;
}

void NodeReader::expect_outputs(int count, std::string_view why) {
  if (num_outputs() > count) {
    unsupported("output ", num_outputs() - 1, " ", quote_name(proto_.output(num_outputs() - 1)),
                ": ", why);
  }
}

ValueId NodeReader::output(int index) {
  if (index < proto_.output_size() && !proto_.output(index).empty()) {
    return state_.value_of(proto_.output(index), where_);
  }
  return state_.graph.add_value(state_.fresh_value_name(name_ + "_output" + std::to_string(index)));
}

ValueId NodeReader::emit_outputs(Op op, std::vector<std::optional<ValueId>> inputs, int count) {
  std::vector<ValueId> outputs;
  outputs.reserve(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) outputs.push_back(output(index));
  const ValueId first = outputs.at(0);
  state_.add_node(name_, std::move(op), std::move(inputs), std::move(outputs));
  return first;
}

ValueId NodeReader::emit(Op op, std::vector<std::optional<ValueId>> inputs) {
  const ValueId value = output(0);
  state_.add_node(name_, std::move(op), std::move(inputs), {value});
  return value;
}

void NodeReader::emit_output(int index, Op op, std::vector<std::optional<ValueId>> inputs) {
  const ValueId value = output(index);
  state_.add_node(name_ + "_output" + std::to_string(index), std::move(op), std::move(inputs),
                  {value});
}

void NodeReader::emit_constant(Tensor tensor) {
  const ValueId value = output(0);
  // Nodes behind this one find it as they find an initializer.
  if (proto_.output_size() > 0 && !proto_.output(0).empty()) {
    NamedTensor& named = state_.names.at(proto_.output(0));
    named.constant = tensor;
    named.producer = nullptr;
  }
  Value& entry = state_.graph.value(value);
  entry.dtype = tensor.dtype();
  entry.shape = tensor.shape();
  entry.constant = std::move(tensor);
  state_.mark_produced(value);
}

ValueId NodeReader::emit_step(std::string_view suffix, Op op,
                              std::vector<std::optional<ValueId>> inputs) {
  const std::string step_name = name_ + "_" + std::string(suffix);
  const ValueId value = state_.graph.add_value(state_.fresh_value_name(step_name));
  state_.add_node(step_name, std::move(op), std::move(inputs), {value});
  return value;
}

ValueId NodeReader::add_constant(std::string_view suffix, Tensor tensor) {
  return state_.graph.add_constant(state_.fresh_value_name(name_ + "_" + std::string(suffix)),
                                   std::move(tensor));
}

}  // namespace octet
