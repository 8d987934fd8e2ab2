#include "tests/fuzz/model_mutator.h"

#include <algorithm>

#include "octet/onnx/onnx.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace octet::fuzz {
namespace {

using octet_onnx::AttributeProto;
using octet_onnx::GraphProto;
using octet_onnx::ModelProto;
using octet_onnx::NodeProto;
using octet_onnx::TensorProto;

template <typename Repeated>
void erase_at(Repeated& list, int index) {
  list.DeleteSubrange(index, 1);
}

}  // namespace

ModelMutator::ModelMutator(ModelProto& model, unsigned int seed)
    : model_(model), graph_(model.mutable_graph()), rng_(seed) {
  choose_graph();
}

void ModelMutator::choose_graph() {
  graph_ = model_.mutable_graph();
  for (NodeProto& node : *graph_->mutable_node()) {
    for (AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g() && one_in(3)) graph_ = attribute.mutable_g();
    }
  }
  names_.clear();
  for (const auto& input : graph_->input()) names_.push_back(input.name());
  for (const TensorProto& constant : graph_->initializer()) names_.push_back(constant.name());
  for (const NodeProto& node : graph_->node()) {
    names_.insert(names_.end(), node.output().begin(), node.output().end());
  }
}

std::string ModelMutator::any_name() {
  if (names_.empty() || one_in(24)) return one_in(2) ? "" : fresh_name();
  return names_[below(names_.size())];
}

std::string ModelMutator::fresh_name() { return "f" + std::to_string(rng_()); }

void ModelMutator::edit_node_list() {
  auto& nodes = *graph_->mutable_node();
  const int at = nodes.empty() ? 0 : static_cast<int>(below(nodes.size()));
  switch (nodes.empty() ? 0 : below(4)) {
    case 0: {
      const std::vector<OperatorSupport> operators = supported_operators();
      NodeProto& node = *nodes.Add();
      node.set_op_type(std::string(operators[below(operators.size())].name));
      const std::uint32_t inputs = 1 + below(3);
      for (std::uint32_t i = 0; i < inputs; ++i) node.add_input(any_name());
      node.add_output(fresh_name());
      graph_->add_output()->set_name(node.output(0));
      return;
    }
    case 1:
      erase_at(nodes, at);
      return;
    case 2: {
      NodeProto copy = nodes[at];
      for (std::string& output : *copy.mutable_output()) output = fresh_name();
      if (copy.output_size() > 0) graph_->add_output()->set_name(copy.output(0));
      if (copy.input_size() > 0 && nodes[at].output_size() > 0) {
        *copy.mutable_input(0) = nodes[at].output(0);
      }
      *nodes.Add() = std::move(copy);
      return;
    }
    default:
      nodes.SwapElements(at, static_cast<int>(below(nodes.size())));
  }
}

void ModelMutator::edit_wiring() {
  if (graph_->node_size() == 0) return edit_node_list();
  NodeProto& node = *graph_->mutable_node(static_cast<int>(below(graph_->node_size())));
  auto& inputs = *node.mutable_input();
  if (inputs.empty() || one_in(6)) {
    *inputs.Add() = any_name();
  } else if (one_in(8)) {
    erase_at(inputs, static_cast<int>(below(inputs.size())));
  } else if (one_in(8)) {
    node.add_output(one_in(4) ? "" : fresh_name());
  } else if (one_in(8)) {
    inputs.SwapElements(0, static_cast<int>(below(inputs.size())));
  } else {
    inputs[static_cast<int>(below(inputs.size()))] = any_name();
  }
}

void ModelMutator::edit_operator() {
  if (graph_->node_size() == 0) return edit_node_list();
  NodeProto& node = *graph_->mutable_node(static_cast<int>(below(graph_->node_size())));
  const std::vector<OperatorSupport> operators = supported_operators();
  node.set_op_type(std::string(operators[below(operators.size())].name));
  if (one_in(2)) node.clear_attribute();
}

void ModelMutator::edit_input() {
  if (graph_->input_size() == 0) {
    auto& input = *graph_->add_input();
    input.set_name(one_in(3) ? any_name() : fresh_name());
    auto& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_value(interesting_integer());
    return;
  }
  auto& input = *graph_->mutable_input(static_cast<int>(below(graph_->input_size())));
  auto& type = *input.mutable_type()->mutable_tensor_type();
  auto& dims = *type.mutable_shape()->mutable_dim();
  if (one_in(4)) {
    const int types[] = {TensorProto::FLOAT, TensorProto::UINT8, TensorProto::INT8,
                         TensorProto::INT32, TensorProto::INT64, TensorProto::BOOL};
    type.set_elem_type(pick(types));
  } else if (dims.empty() || one_in(4)) {
    dims.Add()->set_dim_value(1 + below(4));
  } else if (one_in(4)) {
    dims.RemoveLast();
  } else {
    auto& dim = dims[static_cast<int>(below(dims.size()))];
    if (one_in(3)) {
      dim.set_dim_param(one_in(2) ? "N" : "L");
    } else {
      dim.set_dim_value(interesting_integer());
    }
  }
}

void ModelMutator::edit_outputs() {
  if (graph_->output_size() > 1 && one_in(2)) {
    graph_->mutable_output()->RemoveLast();
  } else if (graph_->output_size() == 0 || one_in(2)) {
    graph_->add_output()->set_name(any_name());
  } else {
    graph_->mutable_output(static_cast<int>(below(graph_->output_size())))->set_name(any_name());
  }
}

void ModelMutator::edit_header() {
  if (one_in(4)) {
    model_.set_ir_version(one_in(2) ? 3 + below(11) : interesting_integer());
  } else if (model_.opset_import_size() > 0) {
    auto& opset = *model_.mutable_opset_import(0);
    opset.set_version(one_in(8) ? interesting_integer() : 7 + below(21));
  }
}

void ModelMutator::mutate() {
  const std::uint32_t edits = 1 + below(3);
  for (std::uint32_t i = 0; i < edits; ++i) {
    choose_graph();
    switch (below(12)) {
      case 0:
        edit_node_list();
        break;
      case 1:
      case 2:
        edit_wiring();
        break;
      case 3:
        edit_operator();
        break;
      case 4:
      case 5:
      case 6:
        edit_attribute();
        break;
      case 7:
      case 8:
        edit_constant();
        break;
      case 9:
        edit_input();
        break;
      case 10:
        edit_outputs();
        break;
      default:
        edit_header();
    }
  }
}

void ModelMutator::transplant(const ModelProto& donor) {
  const GraphProto& from = donor.graph();
  if (from.node_size() == 0) return;
  graph_ = model_.mutable_graph();
  NodeProto node = from.node(static_cast<int>(below(from.node_size())));
  for (std::string& input : *node.mutable_input()) {
    if (input.empty()) continue;
    const auto constant = std::ranges::find(from.initializer(), input, &TensorProto::name);
    input = constant == from.initializer().end() ? any_name() : fresh_name();
    if (constant == from.initializer().end()) continue;
    TensorProto& copy = *graph_->add_initializer();
    copy = *constant;
    copy.set_name(input);
  }
  for (std::string& output : *node.mutable_output()) {
    if (!output.empty()) output = fresh_name();
  }
  if (node.output_size() > 0) graph_->add_output()->set_name(node.output(0));
  *graph_->add_node() = std::move(node);
}

namespace {

bool parse(const std::uint8_t* data, std::size_t size, ModelProto& model) {
  return size > 0 && model.ParsePartialFromArray(data, static_cast<int>(size)) && model.has_graph();
}

/// 0 if the model does not fit.
std::size_t store(const ModelProto& model, std::uint8_t* out, std::size_t max_size) {
  const std::size_t size = model.ByteSizeLong();
  if (size > max_size || !model.SerializePartialToArray(out, static_cast<int>(size))) return 0;
  return size;
}

}  // namespace
}  // namespace octet::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  octet_onnx::ModelProto model;
  if (seed % 16 != 0 && octet::fuzz::parse(data, size, model)) {
    octet::fuzz::ModelMutator(model, seed).mutate();
    if (const std::size_t stored = octet::fuzz::store(model, data, max_size)) return stored;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                                 const std::uint8_t* data2, std::size_t size2,
                                                 std::uint8_t* out, std::size_t max_out_size,
                                                 unsigned int seed) {
  octet_onnx::ModelProto model, donor;
  if (!octet::fuzz::parse(data1, size1, model) || !octet::fuzz::parse(data2, size2, donor))
    return 0;
  octet::fuzz::ModelMutator(model, seed).transplant(donor);
  return octet::fuzz::store(model, out, max_out_size);
}
