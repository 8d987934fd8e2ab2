#include "octet/onnx/import_state.h"

#include "octet/base/error.h"
#include "octet/onnx/quote.h"

namespace octet {

NamedTensor* ImportState::find(std::string_view name) {
  if (const auto found = names.find(name); found != names.end()) return &found->second;
  const NamedTensor* above = outer ? outer->find(name) : nullptr;
  if (!above) return nullptr;
  NamedTensor& entry = names[name];
  if (above->constant) {
    entry.constant = above->constant;
  } else {
    entry.value = graph.add_input(std::string(name), DType::kFloat32, {});
    captured.push_back(name);
  }
  return &entry;
}

ValueId ImportState::value_of(std::string_view name, std::string_view where) {
  NamedTensor* const found = find(name);
  if (!found) {
    fail(ErrorKind::kBadData, where, ": input ", quote_name(name),
         " is not defined, accepted: a graph input, an initializer or a node's output");
  }
  NamedTensor& tensor = *found;
  if (!tensor.value) {
    tensor.value = tensor.constant ? graph.add_constant(std::string(name), *tensor.constant)
                                   : graph.add_value(std::string(name));
  }
  return *tensor.value;
}

std::string ImportState::fresh_value_name(const std::string& base) const {
  std::string name = base;
  for (int suffix = 1; names.contains(name) || graph.find_value(name); ++suffix) {
    name = base + "_" + std::to_string(suffix);
  }
  return name;
}

std::string ImportState::unique_node_name(const std::string& wanted) {
  std::string name = wanted;
  int& suffix = node_name_suffix_[wanted];
  while (!node_names_.insert(name).second) name = wanted + "_" + std::to_string(++suffix);
  return name;
}

void ImportState::add_node(const std::string& name, Op op,
                           std::vector<std::optional<ValueId>> inputs,
                           std::vector<ValueId> outputs) {
  produced_.insert(outputs.begin(), outputs.end());
  graph.add_node(unique_node_name(name), std::move(op), std::move(inputs), std::move(outputs));
}

void ImportState::require_all_produced() const {
  for (const auto& [name, tensor] : names) {
    if (tensor.value && tensor.producer && !produced_.contains(*tensor.value)) {
      fail(ErrorKind::kUnsupported, "onnx import: ", quote_name(name),
           ": an optional output that octet does not compute is used");
    }
  }
}

namespace {

/// The dtype of a node's output number `index`, given that of its first input.
DType output_dtype(const Op& op, std::size_t index, DType first_input) {
  return std::visit(
      Overloaded{[&](const QuantizeLinear& quantize) { return quantize.params.dtype; },
                 [&](const DequantizeLinear&) { return DType::kFloat32; },
                 [&](const Cast& cast) { return cast.to; },
                 [&](const ShapeOf&) { return DType::kInt64; },
                 [&](const ConstantOfShape& fill) { return fill.value.dtype(); },
                 [&](const DynamicQuantizeLinear&) {
                   return index == 1 ? DType::kFloat32 : DType::kUInt8;
                 },
                 [&](const MatMulInteger&) { return DType::kInt32; },
                 [&](const auto&) { return first_input; }},
      op);
}

}  // namespace

void resolve_dequantize_dtypes(ImportState& state) {
  if (state.dequantize_without_zero_point.empty()) return;
  Graph& graph = state.graph;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    Value& value = graph.value(ValueId{static_cast<std::uint32_t>(i)});
    if (value.constant) value.dtype = value.constant->dtype();
  }
  for (Node& node : graph.nodes()) {
    if (node.inputs.empty() || !node.inputs[0]) continue;
    const DType input = graph.value(*node.inputs[0]).dtype;
    if (state.dequantize_without_zero_point.contains(node.outputs[0])) {
      std::get<DequantizeLinear>(node.op).params.dtype = input;
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      graph.value(node.outputs[i]).dtype = output_dtype(node.op, i, input);
    }
  }
}

void decide_deferred(ImportState& state) {
  if (state.deferred.empty()) return;
  const std::size_t nodes_before = state.graph.nodes().size();
  const std::vector<std::optional<NodeId>> producer = producers(state.graph);
  for (const Deferred& deferred : state.deferred) {
    const std::optional<NodeId> node = producer[static_cast<std::size_t>(deferred.output)];
    if (node) deferred.decide(state.graph, state.graph.node(*node));
  }
  if (state.graph.nodes().size() == nodes_before) return;
  state.graph.sort();
  infer_shapes(state.graph);
}

}  // namespace octet
