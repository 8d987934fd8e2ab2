// Other tools leave an operator that only moves elements without a QuantizeLinear of its own, or
// put it between an operator and its QuantizeLinear, or between a weight and its reader. Each
// rewrite here keeps every bit of the result: what moves, selects or cuts at 0 commutes with the
// steps from numbers to codes and back.

#include <algorithm>
#include <cmath>

#include "octet/graph/clamp.h"
#include "octet/graph/evaluate.h"
#include "octet/graph/passes/passes.h"

namespace octet {
namespace {

bool is_eight_bits(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUInt8; }

/// One scale of 8-bit codes that numbers come back to: the largest number is finite.
bool carries_exactly(const TensorQuantParams& params) {
  return !params.axis && is_eight_bits(params.dtype) && std::isfinite(params.scale[0] * 255.0f);
}

/// Operators of one input whose every output element is one of the input's, or 0.
bool moves(const Op& op) {
  const auto* pad = std::get_if<Pad>(&op);
  return std::holds_alternative<Flatten>(op) || std::holds_alternative<Reshape>(op) ||
         std::holds_alternative<Transpose>(op) || std::holds_alternative<Squeeze>(op) ||
         std::holds_alternative<Unsqueeze>(op) || std::holds_alternative<Slice>(op) ||
         std::holds_alternative<MaxPool>(op) || (pad && pad->value == 0.0f);
}

/// Whether the codes have a step at `bound`, or end before it: cutting numbers there is then
/// cutting codes.
bool is_step(float bound, const TensorQuantParams& params) {
  const Tensor code = quantize(Tensor::from(Shape{1}, std::vector<float>{bound}), params);
  const float number = dequantize(code, params).data<float>()[0];
  if (number == bound) return true;
  const int low = params.dtype == DType::kInt8 ? -128 : 0;
  const float lowest = static_cast<float>(low - params.zero_point[0]) * params.scale[0];
  const float highest = static_cast<float>(low + 255 - params.zero_point[0]) * params.scale[0];
  return bound <= lowest || bound >= highest;
}

bool cuts_at_steps(const Op& op, const TensorQuantParams& params) {
  const auto clamp = as_clamp(op);
  return clamp && clamp->low <= clamp->high && is_step(clamp->low, params) &&
         is_step(clamp->high, params);
}

/// Operators that compute on codes if their input is codes.
bool computes(const Op& op) {
  return std::visit(
      Overloaded{[](const Conv2d&) { return true; }, [](const Gemm&) { return true; },
                 [](const MatMul&) { return true; }, [](const Add&) { return true; },
                 [](const Mul&) { return true; }, [](const AveragePool&) { return true; },
                 [](const GlobalAveragePool&) { return true; }, [](const Concat&) { return true; },
                 [](const Sigmoid&) { return true; }, [](const Tanh&) { return true; },
                 [](const HardSigmoid&) { return true; }, [](const HardSwish&) { return true; },
                 [](const auto&) { return false; }},
      op);
}

/// `op` on codes that have one scale per index of `axis`: the axis afterwards, if that is so again.
std::optional<int> moved_axis(const Op& op, int axis, const Shape& from, const Shape& to) {
  if (const auto* transpose = std::get_if<Transpose>(&op)) {
    const std::vector<int> perm = permutation_of(*transpose, from.rank());
    return static_cast<int>(std::ranges::find(perm, axis) - perm.begin());
  }
  if (!std::holds_alternative<Unsqueeze>(op) && !std::holds_alternative<Squeeze>(op)) {
    return std::nullopt;
  }
  // Only axes of size 1 come or go: the axis is where as many elements lie behind it.
  if (from[axis] == 1) return std::nullopt;
  const auto behind = [](const Shape& shape, int at) {
    std::int64_t count = 1;
    for (int i = at + 1; i < shape.rank(); ++i) count *= shape[i];
    return count;
  };
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == from[axis] && behind(to, i) == behind(from, axis)) return i;
  }
  return std::nullopt;
}

/// One sweep over a graph in topological order. Links follow the changes, except that a value keeps
/// the readers it had: the next sweep knows better.
class CodeCarrier {
 public:
  explicit CodeCarrier(Graph& graph)
      : graph_(graph), producer_(producers(graph)), readers_(consumers(graph)) {}

  bool sweep() {
    const std::size_t count = graph_.nodes().size();
    bool changed = false;
    for (std::size_t i = 0; i < count; ++i) {
      const NodeId id{static_cast<std::uint32_t>(i)};
      if (node(id).inputs.empty() || !node(id).inputs[0]) continue;
      changed = move_constant(id) || wrap_bare(id) || quantize_behind(id) || quantize_before(id) ||
                changed;
    }
    if (changed) graph_.sort();
    return changed;
  }

 private:
  const Node& node(NodeId id) const { return graph_.node(id); }
  std::optional<NodeId> producer(ValueId value) const {
    return producer_[static_cast<std::size_t>(value)];
  }
  template <typename OpType>
  const OpType* producing(ValueId value) const {
    const auto id = producer(value);
    return id ? std::get_if<OpType>(&node(*id).op) : nullptr;
  }
  const std::vector<NodeId>& readers(ValueId value) const {
    return readers_[static_cast<std::size_t>(value)];
  }
  bool has_one_reader(ValueId value) const {
    return readers(value).size() == 1 && !is_graph_output(graph_, value);
  }

  void set_input(NodeId id, ValueId value) {
    graph_.node(id).inputs = {value};
    readers_[static_cast<std::size_t>(value)].push_back(id);
  }
  void set_output(NodeId id, ValueId value) {
    graph_.node(id).outputs = {value};
    producer_[static_cast<std::size_t>(value)] = id;
  }
  ValueId new_value(ValueId like, std::string_view suffix, DType dtype) {
    const std::string name = graph_.value(like).name + std::string(suffix);
    const ValueId value = graph_.add_value(graph_.unique_value_name(name), dtype);
    producer_.emplace_back();
    readers_.emplace_back();
    return value;
  }
  void add(std::string name, Op op, ValueId input, ValueId output) {
    const NodeId id = graph_.add_node(std::move(name), std::move(op), {input}, {output});
    set_input(id, input);
    set_output(id, output);
  }

  /// Moves the codes of a constant instead of its numbers.
  bool move_constant(NodeId id) {
    const Node& mover = node(id);
    if (!moves(mover.op) || std::holds_alternative<MaxPool>(mover.op)) return false;
    const ValueId from = *mover.inputs[0], to = mover.outputs[0];
    const auto* dequantize = producing<DequantizeLinear>(from);
    if (!dequantize || is_graph_output(graph_, to) || mover.inputs.size() != 1) return false;
    const ValueId source = *node(*producer(from)).inputs[0];
    const auto& constant = graph_.value(source).constant;
    TensorQuantParams params = dequantize->params;
    if (!constant || std::holds_alternative<Pad>(mover.op)) return false;
    const Shape shape = graph_.value(to).shape;  // a new value moves the old ones
    if (params.axis) {
      params.axis = moved_axis(mover.op, *params.axis, constant->shape(), shape);
      if (!params.axis) return false;
    }
    std::optional<Tensor> moved = evaluate(mover.op, std::span(&*constant, 1), shape);
    if (!moved) return false;
    const ValueId codes = new_value(source, "_moved", moved->dtype());
    graph_.value(codes).constant = std::move(*moved);
    graph_.value(codes).shape = shape;
    graph_.node(id).op = DequantizeLinear{std::move(params)};
    set_input(id, codes);
    return true;
  }

  /// A MaxPool of codes, as ONNX Runtime's QOperator models have it, becomes one of numbers.
  bool wrap_bare(NodeId id) {
    const Node pool = node(id);
    if (!std::holds_alternative<MaxPool>(pool.op) || pool.outputs.size() != 1) return false;
    const auto* quantize = producing<QuantizeLinear>(*pool.inputs[0]);
    if (!quantize || !carries_exactly(quantize->params)) return false;
    const TensorQuantParams params = quantize->params;
    const ValueId before = new_value(*pool.inputs[0], "_dequantized", DType::kFloat32);
    const ValueId after = new_value(pool.outputs[0], "_numbers", DType::kFloat32);
    add(pool.name + "_dequantize", DequantizeLinear{params}, *pool.inputs[0], before);
    add(pool.name + "_quantize", QuantizeLinear{params}, after, pool.outputs[0]);
    set_input(id, before);
    set_output(id, after);
    return true;
  }

  /// Dequantized codes that are moved, or cut at a step, are still codes of the same scale.
  bool quantize_behind(NodeId id) {
    const Node mover = node(id);
    const ValueId from = *mover.inputs[0], to = mover.outputs[0];
    const auto* dequantize = producing<DequantizeLinear>(from);
    if (!dequantize || !carries_exactly(dequantize->params) || mover.outputs.size() != 1 ||
        mover.inputs.size() != 1) {
      return false;
    }
    const TensorQuantParams params = dequantize->params;
    if (graph_.value(*node(*producer(from)).inputs[0]).constant) return false;
    if (!moves(mover.op) && !cuts_at_steps(mover.op, params)) return false;
    const bool wanted = std::ranges::any_of(readers(to), [&](NodeId reader) {
      const Op& op = node(reader).op;
      return computes(op) || moves(op) || as_clamp(op);
    });
    const bool quantized = std::ranges::any_of(readers(to), [&](NodeId reader) {
      return std::holds_alternative<QuantizeLinear>(node(reader).op);
    });
    if (!wanted || quantized || is_graph_output(graph_, to)) return false;
    if (as_clamp(mover.op) && cut_first(id, params)) return true;
    const ValueId result = new_value(to, "_float", DType::kFloat32);
    const ValueId codes = new_value(to, "_codes", params.dtype);
    set_output(id, result);
    add(mover.name + "_quantize", QuantizeLinear{params}, result, codes);
    add(mover.name + "_dequantize", DequantizeLinear{params}, codes, to);
    return true;
  }

  /// x -> Quantize -> Dequantize -> cut, read by nothing else: x -> cut -> Quantize -> Dequantize,
  /// so that the operator before x cuts while it requantizes.
  bool cut_first(NodeId id, const TensorQuantParams& params) {
    const NodeId second = *producer(*node(id).inputs[0]);
    const ValueId codes = *node(second).inputs[0];
    const auto* quantize = producing<QuantizeLinear>(codes);
    if (!quantize || quantize->params != params || !has_one_reader(codes) ||
        !has_one_reader(*node(id).inputs[0])) {
      return false;
    }
    const NodeId first = *producer(codes);
    const ValueId between = *node(id).inputs[0];  // becomes the cut numbers
    const ValueId to = node(id).outputs[0];
    set_input(id, *node(first).inputs[0]);
    set_output(id, between);
    set_input(first, between);
    set_output(second, to);
    return true;
  }

  /// x -> moves and cuts -> Quantize: quantizes x, behind the cuts, if an operator on codes made
  /// it.
  bool quantize_before(NodeId id) {
    const auto* quantize = std::get_if<QuantizeLinear>(&node(id).op);
    if (!quantize || !carries_exactly(quantize->params)) return false;
    const TensorQuantParams params = quantize->params;
    std::vector<NodeId> movers, cuts;  // from the last one to the first
    ValueId x = *node(id).inputs[0];
    while (has_one_reader(x) && producer(x)) {
      const Node& before = node(*producer(x));
      const bool cut = as_clamp(before.op).has_value();
      if ((!cut && !moves(before.op)) || std::holds_alternative<Pad>(before.op) ||
          before.inputs.size() != 1) {
        break;
      }
      (cut ? cuts : movers).push_back(*producer(x));
      x = *before.inputs[0];
    }
    if (movers.empty() || !has_one_reader(x) || !producer(x)) return false;
    const Node& source = node(*producer(x));
    if (!computes(source.op) || !source.inputs[0] ||
        !producing<DequantizeLinear>(*source.inputs[0])) {
      return false;
    }
    rewire(id, x, cuts, movers, params);
    return true;
  }

  void rewire(NodeId quantize, ValueId x, const std::vector<NodeId>& cuts,
              const std::vector<NodeId>& movers, const TensorQuantParams& params) {
    ValueId last = x;
    for (std::size_t i = cuts.size(); i-- > 0;) {
      set_input(cuts[i], last);
      last = node(cuts[i]).outputs[0];
    }
    const std::string name = node(quantize).name;
    const ValueId codes = new_value(last, "_codes", params.dtype);
    const ValueId numbers = new_value(last, "_dequantized", DType::kFloat32);
    add(name + "_before", QuantizeLinear{params}, last, codes);
    add(name + "_dequantize", DequantizeLinear{params}, codes, numbers);
    last = numbers;
    for (std::size_t i = movers.size(); i-- > 0;) {
      set_input(movers[i], last);
      last = node(movers[i]).outputs[0];
    }
    set_input(quantize, last);
  }

  Graph& graph_;
  std::vector<std::optional<NodeId>> producer_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

bool carry_codes(Graph& graph) {
  const bool quantized = std::ranges::any_of(graph.nodes(), [](const Node& node) {
    return std::holds_alternative<DequantizeLinear>(node.op);
  });
  if (!quantized) return false;
  bool changed = false;
  while (CodeCarrier(graph).sweep()) changed = true;
  return changed;
}

}  // namespace octet
