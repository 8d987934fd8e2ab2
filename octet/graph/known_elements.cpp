#include "octet/graph/known_elements.h"

#include <algorithm>

#include "octet/graph/evaluate.h"
#include "octet/graph/shape_inputs.h"
#include "octet/graph/tensor_function.h"

namespace octet {

bool KnownElements::is_constant() const {
  return std::ranges::none_of(symbols.data<std::uint8_t>(),
                              [](auto symbol) { return symbol != 0; });
}

Symbol KnownElements::symbol_at(std::size_t index) const {
  return static_cast<Symbol>(symbols.data<std::uint8_t>()[index]);
}

std::optional<std::int64_t> KnownElements::operator[](std::size_t index) const {
  if (symbol_at(index) != Symbol::kNumber) return std::nullopt;
  return value.dtype() == DType::kInt32 ? value.data<std::int32_t>()[index]
                                        : value.data<std::int64_t>()[index];
}

KnownElements known_constant(Tensor tensor) {
  Tensor symbols(DType::kUInt8, tensor.shape());
  return {std::move(tensor), std::move(symbols)};
}

KnownElements known_shape(const Shape& shape) {
  KnownElements known = known_constant(Tensor(DType::kInt64, Shape{shape.rank()}));
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const Symbol symbol = shape[axis] == kDynamicDim   ? Symbol::kBatch
                          : shape[axis] == kUnknownDim ? Symbol::kUnknown
                                                       : Symbol::kNumber;
    known.symbols.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(symbol);
    known.value.mutable_data<std::int64_t>()[i] = std::max<std::int64_t>(shape[axis], 0);
  }
  return known;
}

namespace {

std::optional<KnownElements> known_function_output(const Graph& graph, const Node& node,
                                                   const TensorFunction& function,
                                                   const KnownValues& known) {
  std::vector<std::optional<Tensor>> inputs;
  for (const std::optional<ValueId>& id : node.inputs) {
    inputs.emplace_back();
    if (!id) continue;
    const std::optional<KnownElements>& input = known[static_cast<std::size_t>(*id)];
    if (!input || !input->is_constant()) return std::nullopt;
    inputs.back() = input->value;
  }
  const Value& output = graph.value(node.outputs[0]);
  const TensorType type{output.dtype, output.shape};
  auto result = apply(function, inputs, std::span(&type, 1));
  if (!result) return std::nullopt;
  return known_constant(std::move(result->front()));
}

bool is_arithmetic(const Op& op) {
  return std::holds_alternative<Add>(op) || std::holds_alternative<Sub>(op) ||
         std::holds_alternative<Mul>(op) || std::holds_alternative<Div>(op);
}

bool is_index(DType dtype) { return dtype == DType::kInt64 || dtype == DType::kInt32; }

/// What is known of an input; that each element is unknown where nothing else is. nullopt for what
/// is too large or no kind of size.
std::optional<KnownElements> known_input(const Value& value,
                                         const std::optional<KnownElements>& known) {
  if (known) return known;
  if (!is_index(value.dtype) || !value.shape.is_static() ||
      value.shape.num_elements() > kMaxKnownElements) {
    return std::nullopt;
  }
  KnownElements unknown = known_constant(Tensor(value.dtype, value.shape));
  std::ranges::fill(unknown.symbols.mutable_data<std::uint8_t>(),
                    static_cast<std::uint8_t>(Symbol::kUnknown));
  return unknown;
}

/// A divisor that is not known, so that the division of what is known succeeds.
void set_symbols_to_one(KnownElements& known) {
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known.symbol_at(i) == Symbol::kNumber) continue;
    if (known.value.dtype() == DType::kInt64) known.value.mutable_data<std::int64_t>()[i] = 1;
    if (known.value.dtype() == DType::kInt32) known.value.mutable_data<std::int32_t>()[i] = 1;
  }
}

/// Zero where a symbol stands. nullopt if there are only unknown elements.
std::optional<KnownElements> normalized(KnownElements known) {
  bool any = known.size() == 0;
  for (std::size_t i = 0; i < known.size(); ++i) {
    any = any || known.symbol_at(i) != Symbol::kUnknown;
    if (known.symbol_at(i) == Symbol::kNumber) continue;
    if (known.value.dtype() == DType::kInt64) known.value.mutable_data<std::int64_t>()[i] = 0;
    if (known.value.dtype() == DType::kInt32) known.value.mutable_data<std::int32_t>()[i] = 0;
  }
  if (!any) return std::nullopt;
  return known;
}

/// The symbols of a node's output from those of its inputs. The batch moves with the numbers around
/// it; arithmetic on a symbol gives something unknown.
std::optional<Tensor> output_symbols(const Op& op, std::span<const Tensor> symbols,
                                     const Shape& shape) {
  if (std::holds_alternative<Cast>(op)) return symbols[0];
  if (!is_arithmetic(op)) return evaluate(op, symbols, shape);
  std::optional<Tensor> sum = evaluate(Add{}, symbols, shape);
  for (std::uint8_t& symbol : sum->mutable_data<std::uint8_t>()) {
    if (symbol != 0) symbol = static_cast<std::uint8_t>(Symbol::kUnknown);
  }
  return sum;
}

}  // namespace

std::optional<KnownElements> known_output(const Graph& graph, const Node& node, const Op& op,
                                          const KnownValues& known) {
  if (node.outputs.size() != 1) return std::nullopt;
  const Shape& shape = graph.value(node.outputs[0]).shape;
  if (std::holds_alternative<ShapeOf>(op)) {
    return normalized(known_shape(graph.value(*node.inputs[0]).shape));
  }
  if (!shape.is_static() || shape.num_elements() > kMaxKnownElements) return std::nullopt;
  if (const auto* function = std::get_if<Function>(&op)) {
    return known_function_output(graph, node, *function->definition, known);
  }

  std::vector<Tensor> values, symbols;
  bool constant = true;
  for (std::size_t i = 0; i < data_inputs(node); ++i) {
    if (!node.inputs[i]) return std::nullopt;
    const ValueId id = *node.inputs[i];
    auto input = known_input(graph.value(id), known[static_cast<std::size_t>(id)]);
    if (!input) return std::nullopt;
    const bool is_data = i == 0 || !std::holds_alternative<Gather>(op);
    if (!is_data && !input->is_constant()) return std::nullopt;
    constant = constant && input->is_constant();
    if (i == 1 && std::holds_alternative<Div>(op)) set_symbols_to_one(*input);
    values.push_back(input->value);
    symbols.push_back(is_data ? input->symbols : input->value);
  }
  const bool movable = moves_elements(op) || std::holds_alternative<Gather>(op);
  const bool to_integer = std::holds_alternative<Cast>(op) && is_index(std::get<Cast>(op).to);
  if (!constant && !movable && !to_integer && !is_arithmetic(op)) return std::nullopt;

  std::optional<Tensor> value = evaluate(op, values, shape);
  if (!value) return std::nullopt;
  if (constant) return known_constant(std::move(*value));
  std::optional<Tensor> result = output_symbols(op, symbols, shape);
  if (!result) return std::nullopt;
  return normalized({std::move(*value), std::move(*result)});
}

}  // namespace octet
