// LSTM, GRU and RNN.

#include "octet/graph/functions/recurrent.h"
#include "octet/onnx/import_ops.h"
#include "octet/onnx/quote.h"

namespace octet {
namespace {

RecurrentDirection read_direction(NodeReader& node) {
  const std::string name = node.attributes.find_string("direction").value_or("forward");
  if (name == "forward") return RecurrentDirection::kForward;
  if (name == "reverse") return RecurrentDirection::kReverse;
  if (name != "bidirectional") {
    node.bad("direction = ", quote_name(name), ", accepted: forward, reverse, bidirectional");
  }
  return RecurrentDirection::kBidirectional;
}

RecurrentOptions read_options(NodeReader& node, RecurrentKind kind) {
  RecurrentOptions options;
  options.kind = kind;
  options.direction = read_direction(node);
  options.activations =
      node.attributes.find_strings("activations").value_or(std::vector<std::string>());
  for (const std::string& name : options.activations) {
    if (!is_recurrent_activation(name)) node.unsupported("activation ", quote_name(name));
  }
  options.alpha = node.attributes.find_floats("activation_alpha").value_or(std::vector<float>());
  options.beta = node.attributes.find_floats("activation_beta").value_or(std::vector<float>());
  options.clip = node.attributes.find_float("clip");
  if (node.opset() >= 14) {
    options.batch_first = node.attributes.get_int_between("layout", 0, 0, 1) == 1;
  }
  if (const auto hidden = node.attributes.find_int("hidden_size")) {
    options.hidden_size = *hidden;
  } else {
    // It may be left out: the recurrent weights [directions, gates * hidden, hidden] tell it.
    const std::optional<Shape> weights = node.known_shape(2);
    if (!weights || weights->rank() != 3) {
      node.unsupported("no hidden_size, and the recurrent weights are computed at run time");
    }
    options.hidden_size = (*weights)[2];
  }
  return options;
}

void emit_recurrent(NodeReader& node, RecurrentOptions options, int max_inputs, int max_outputs) {
  node.expect_inputs(3, max_inputs);
  std::vector<std::optional<ValueId>> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(i < 3 ? node.input(i) : node.optional_input(i));
  }
  while (!inputs.back()) inputs.pop_back();
  if (node.num_outputs() > max_outputs) {
    node.bad(node.num_outputs(), " outputs, accepted: at most ", max_outputs);
  }
  node.emit_outputs(recurrent_function(std::move(options)), std::move(inputs),
                    std::max(node.num_outputs(), 1));
}

}  // namespace

void import_lstm(NodeReader& node) {
  RecurrentOptions options = read_options(node, RecurrentKind::kLstm);
  options.input_forget = node.attributes.get_int_between("input_forget", 0, 0, 1) == 1;
  emit_recurrent(node, std::move(options), 8, 3);
}

void import_gru(NodeReader& node) {
  RecurrentOptions options = read_options(node, RecurrentKind::kGru);
  options.linear_before_reset =
      node.attributes.get_int_between("linear_before_reset", 0, 0, 1) == 1;
  emit_recurrent(node, std::move(options), 6, 2);
}

void import_rnn(NodeReader& node) {
  emit_recurrent(node, read_options(node, RecurrentKind::kRnn), 6, 2);
}

}  // namespace octet
