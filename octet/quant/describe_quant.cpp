#include "octet/quant/describe_quant.h"

#include <algorithm>
#include <cfloat>
#include <charconv>

#include "octet/quant/quant_points.h"

namespace octet {
namespace {

/// Six significant digits with a decimal point in every locale.
std::string number(float value) {
  char text[32];
  const auto end =
      std::to_chars(std::begin(text), std::end(text), value, std::chars_format::general, 6);
  return std::string(text, end.ptr);
}

std::string observer_text(const Graph& graph, const Calibration& calibration, ValueId value) {
  const auto range = calibration.ranges.find(value);
  if (range == calibration.ranges.end()) return "";
  std::string text =
      "observer min=" + number(range->second.min) + " max=" + number(range->second.max);
  const auto skipped = calibration.non_finite.find(value);
  if (skipped != calibration.non_finite.end()) {
    text += " (" + std::to_string(skipped->second) + " non-finite elements of '" +
            graph.value(value).name + "' skipped)";
  }
  return text;
}

std::string activation_text(const QuantAssignment& assignment, ValueId value) {
  const auto entry = assignment.activations.find(value);
  if (entry == assignment.activations.end()) return "";
  const QuantParams& params = entry->second;
  std::string text = params.is_signed ? "int8" : "uint8";
  if (params.bits < 8) text += " (" + std::to_string(params.bits) + " bits)";
  return text + " scale=" + number(params.scale) +
         " zero_point=" + std::to_string(params.zero_point);
}

std::string weight_text(const QuantAssignment& assignment, ValueId weight) {
  const auto entry = assignment.weights.find(weight);
  if (entry == assignment.weights.end()) return "weight float32";
  const TensorQuantParams& params = entry->second;
  std::string text = "weight int8";
  const int bits = assignment.weight_bits.at(weight);
  if (bits < 8) text += " (" + std::to_string(bits) + " bits)";
  text += params.axis ? " per channel scale=" : " per tensor scale=";
  const auto [low, high] = std::ranges::minmax(params.scale);
  text += number(low);
  if (low != high) text += ".." + number(high);
  return text;
}

/// One line per graph input and node for which a text is given.
template <typename ActivationText, typename WeightText>
std::string model_text(const Graph& graph, ActivationText activation, WeightText weight) {
  std::string text;
  const IntegerRoles roles(graph);
  for (const ValueId input : graph.inputs()) {
    const std::string found = activation(input);
    if (!found.empty()) text += graph.value(input).name + ": " + found + "\n";
  }
  for (const Node& node : graph.nodes()) {
    std::string line;
    if (roles.of(node) == IntegerRole::kCompute) line = weight(*node.inputs[1]);
    for (const ValueId output : node.outputs) {
      const std::string found = activation(output);
      if (!found.empty()) line += (line.empty() ? "output " : ", output ") + found;
    }
    if (line.empty()) continue;
    text += node.name + " (" + std::string(op_name(node.op)) + "): " + line + "\n";
  }
  return text;
}

}  // namespace

std::string to_text(const Graph& graph, const Calibration& calibration) {
  return model_text(
      graph, [&](ValueId value) { return observer_text(graph, calibration, value); },
      [&](ValueId weight) { return "weight " + to_string(graph.value(weight).constant->shape()); });
}

std::string describe_assignment(const Graph& graph, const QuantAssignment& assignment) {
  std::string text = model_text(
      graph, [&](ValueId value) { return activation_text(assignment, value); },
      [&](ValueId weight) { return weight_text(assignment, weight); });
  if (assignment.floored_scales > 0) {
    text +=
        std::to_string(assignment.floored_scales) + " scales raised to " + number(FLT_MIN) + "\n";
  }
  return text;
}

}  // namespace octet
