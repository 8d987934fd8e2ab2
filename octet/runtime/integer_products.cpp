// What runs on integers beyond layers and kernels of images: products of matrices, operators that
// move codes by their definition, and functions of one code.

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/window.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/integer_nodes.h"

namespace octet {
namespace {

// Clause 4: K products of two uint8 codes without their zero points fit into int32.
constexpr std::int64_t kMaxProducts = 33'025;
// Half of int32, as for a bias that is int32 in the file: the other half is for the products.
constexpr double kLargestBias = 0x1p30;

bool is_image(const Value& value) { return value.shape.rank() == 4; }

std::string refuses_product(const Shape& a, const Shape& b) {
  if (a.rank() < 2 || b.rank() < 2) return "an input is no matrix";
  if (std::max(a.rank(), b.rank()) > kMaxViewRank) return "an input has too many axes";
  const std::int64_t k = a[a.rank() - 1], n = b[b.rank() - 1];
  if (k < 0 || b[b.rank() - 2] < 0 || n < 0) return "the batch is an axis of the product";
  if (k == 0 || n == 0 || a[a.rank() - 2] == 0) return "an input is empty";
  if (k > kMaxProducts) {
    return "a sum of " + std::to_string(k) + " products could overflow int32 (up to " +
           std::to_string(kMaxProducts) + ")";
  }
  return "";
}

}  // namespace

bool IntegerNodeFinder::has_weights(const Node& node) const {
  if (std::holds_alternative<Conv2d>(node.op) || std::holds_alternative<Gemm>(node.op) ||
      conv_transpose_of(node.op)) {
    return true;
  }
  if (!std::holds_alternative<MatMul>(node.op)) return false;
  const std::optional<DequantizedCodes> codes = dequantized(*node.inputs[1]);
  if (!codes || !graph_.value(codes->integers).constant) return false;
  // Any other constant is multiplied as an activation would be.
  return graph_.value(codes->integers).shape.rank() == 2 &&
         (codes->params.dtype == DType::kInt8 || codes->params.dtype == DType::kUInt8) &&
         codes->params.axis.value_or(1) == 1;
}

std::string IntegerNodeFinder::refuses_shapes(const Node& node) const {
  const auto value = [&](std::size_t input) -> const Value& {
    return graph_.value(*node.inputs[input]);
  };
  if (std::holds_alternative<MatMul>(node.op)) {
    if (!has_weights(node)) return refuses_product(value(0).shape, value(1).shape);
    const Shape& x = value(0).shape;
    const bool is_linear = x.rank() >= 2 && x[x.rank() - 1] > 0 && value(1).shape[1] > 0;
    return is_linear ? "" : "an input is no matrix";
  }
  if (conv_transpose_of(node.op) && !is_image(value(0))) {
    return "no integer kernel for a ConvTranspose that is not of images";
  }
  if (std::holds_alternative<Add>(node.op) || std::holds_alternative<Mul>(node.op)) {
    // Images lie channels-last, so that the axes of another rank are not theirs.
    const Value& result = graph_.value(node.outputs[0]);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::optional<DequantizedCodes> codes = dequantized(*node.inputs[i]);
      const bool constant = codes && graph_.value(codes->integers).constant;
      if (is_image(result) && !is_image(value(i)) && !constant) {
        return "no integer kernel that broadcasts '" + value(i).name + "' to images";
      }
    }
  }
  return "";
}

const Node* IntegerNodeFinder::bias_addition(const Node& product,
                                             const ActivationCodes& input) const {
  const Node* reader = only_reader(product.outputs[0]);
  if (!reader || !std::holds_alternative<Add>(reader->op)) return nullptr;
  const ValueId bias_id = *reader->inputs[reader->inputs[0] == product.outputs[0] ? 1 : 0];
  const std::optional<Tensor>& bias = graph_.value(bias_id).constant;
  const std::vector<float> scale = dequantized(*product.inputs[1])->params.scale;
  const Shape& shape = graph_.value(bias_id).shape;
  const std::int64_t outputs = graph_.value(*product.inputs[1]).shape[1];
  if (!bias || bias->dtype() != DType::kFloat32 || shape.rank() < 1 ||
      shape[shape.rank() - 1] != outputs || shape.num_elements() != outputs ||
      shape.rank() > graph_.value(product.outputs[0]).shape.rank()) {
    return nullptr;
  }
  const std::span<const float> values = bias->data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double size =
        std::fabs(double{values[i]}) / double{input.scale} / scale[i % scale.size()];
    if (!(size <= kLargestBias)) return nullptr;
  }
  return reader;
}

bool IntegerNodeFinder::follow_moved_outputs(const Node& node, IntegerNode& result) const {
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    const ValueId output = node.outputs[i];
    std::optional<ActivationCodes>& codes = result.other_outputs.emplace_back();
    if (readers(output).empty() && !is_graph_output(output)) continue;
    const Node* reader = only_reader(output);
    const auto* quantize = reader ? std::get_if<QuantizeLinear>(&reader->op) : nullptr;
    if (!quantize) return false;
    codes = activation_codes(reader->outputs[0], quantize->params);
    if (!codes || codes->scale != result.inputs[0].scale ||
        codes->zero_point != result.inputs[0].zero_point) {
      return false;
    }
  }
  return true;
}

void IntegerNodeFinder::find_code_functions() {
  const UnaryRegionFinder finder(graph_);
  const SourceKey codes_behind = [&](ValueId value) -> std::optional<ValueId> {
    const auto codes = dequantized(value);
    if (!codes || !input_codes(value)) return std::nullopt;
    return codes->integers;
  };
  for (const Node& node : graph_.nodes()) {
    const auto* quantize = std::get_if<QuantizeLinear>(&node.op);
    if (!quantize) continue;
    const auto& root = producers_[static_cast<std::size_t>(*node.inputs[0])];
    const auto output = activation_codes(node.outputs[0], quantize->params);
    if (!root || !output || !only_reader(*node.inputs[0])) continue;
    auto region = finder.find(*root, codes_behind);
    if (!region || (region->nodes.size() == 1 && find(graph_.node(*root), nullptr))) continue;
    // The same codes under other parameters are other numbers.
    const auto input = input_codes(region->sources[0]);
    if (!std::ranges::all_of(region->sources, [&](ValueId source) {
          const auto other = input_codes(source);
          return other->scale == input->scale && other->zero_point == input->zero_point;
        })) {
      continue;
    }
    code_functions_[*node.inputs[0]] = {*input, *output, std::move(*region)};
  }
}

const CodeFunction* IntegerNodeFinder::code_function(const Node& node) const {
  const auto found = code_functions_.find(node.outputs[0]);
  return found == code_functions_.end() ? nullptr : &found->second;
}

std::vector<ValueId> IntegerNodeFinder::inside_code_functions() const {
  std::vector<ValueId> values;
  for (const auto& [result, function] : code_functions_) {
    for (const NodeId id : function.region.nodes) {
      if (graph_.node(id).outputs[0] != result) values.push_back(graph_.node(id).outputs[0]);
    }
  }
  return values;
}

}  // namespace octet
