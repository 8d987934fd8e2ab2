#include <algorithm>
#include <array>
#include <cmath>

#include "octet/base/error.h"
#include "octet/quant/layer_integers.h"
#include "octet/quant/quant_points.h"
#include "octet/train/execute.h"
#include "octet/train/graph_ops.h"
#include "octet/train/torch_bridge.h"

namespace octet {
namespace {

/// Integers without their zero point, r = q - zero_point, in double: padding is 0, and every sum of
/// products below 2^53 is exact in any order.
struct Centered {
  at::Tensor r;
  QuantParams params;
};

at::Tensor as_real(const Centered& codes) {
  return codes.r.to(at::kFloat) * at::full({1}, codes.params.scale, at::kFloat);
}

/// clamp(round_half_even(v), q_low - zp, q_high - zp) of float32 quotients.
Centered rounded(const at::Tensor& v, std::int32_t q_low, std::int32_t q_high,
                 const QuantParams& params) {
  const at::Tensor r = v.round().clamp(q_low - params.zero_point, q_high - params.zero_point);
  return {r.to(at::kDouble), params};
}
Centered rounded(const at::Tensor& v, const QuantParams& params) {
  return rounded(v, params.q_min(), params.q_max(), params);
}

/// Clause 1; NaN gives the zero point.
Centered quantize_real(const at::Tensor& x, const QuantParams& params) {
  return rounded((x / at::full({1}, params.scale, at::kFloat)).nan_to_num(0.0), params);
}

/// Clause 5: float(acc) * m, one float32 product.
at::Tensor requantized(const at::Tensor& acc, const at::Tensor& multiplier) {
  return acc.to(at::kFloat) * multiplier;
}
at::Tensor scalar(float value) { return at::full({1}, value, at::kFloat); }

at::Tensor dequantize_add(const Add& add, const Centered& a, const Centered& b,
                          const QuantParams& output) {
  const at::Tensor sum = apply_clamp(as_real(a) + as_real(b), add.activation);
  return sum / scalar(output.scale);
}

at::Tensor requantize_product(const Centered& a, const Centered& b, const QuantParams& output) {
  const double scale = double{a.params.scale} * b.params.scale;
  return requantized(a.r * b.r, scalar(static_cast<float>(scale / output.scale)));
}

at::Tensor requantize_mean(const at::Tensor& sums, const at::Tensor& counts, const Centered& x,
                           const QuantParams& output) {
  const at::Tensor divisor = counts.clamp_min(1.0) * double{output.scale};
  const at::Tensor scale = at::full({1}, double{x.params.scale}, at::kDouble);
  return requantized(sums, (scale / divisor).to(at::kFloat));
}

/// Clause 6: the real function of a unary operator, in double.
double unary(const Op& op, double x) {
  return std::visit(Overloaded{
                        [&](const Relu&) { return std::max(x, 0.0); },
                        [&](const Clip& clip) {
                          return std::min<double>(std::max<double>(x, clip.range.low),
                                                  clip.range.high);
                        },
                        [&](const Sigmoid&) { return 1.0 / (1.0 + std::exp(-x)); },
                        [&](const Tanh&) { return std::tanh(x); },
                        [&](const HardSigmoid& h) {
                          return std::clamp(double{h.alpha} * x + double{h.beta}, 0.0, 1.0);
                        },
                        [&](const HardSwish&) { return x * std::clamp(x / 6.0 + 0.5, 0.0, 1.0); },
                        [&](const auto&) { return x; },
                    },
                    op);
}

/// A function of one code as a table of 256 entries.
Centered look_up(const Op& op, const Centered& x, const QuantParams& output) {
  std::array<double, 256> table{};
  for (int q = 0; q < 256; ++q) {
    const double real = static_cast<double>(q - x.params.zero_point) * x.params.scale;
    table[static_cast<std::size_t>(q)] =
        std::clamp(std::nearbyint(unary(op, real) / output.scale),
                   static_cast<double>(output.q_min() - output.zero_point),
                   static_cast<double>(output.q_max() - output.zero_point));
  }
  at::Tensor r = x.r.contiguous().clone();
  double* codes = r.data_ptr<double>();
  for (std::int64_t i = 0; i < r.numel(); ++i) {
    codes[i] = table[static_cast<std::size_t>(codes[i] + x.params.zero_point)];
  }
  return {r, output};
}

bool is_table(const Op& op) {
  return std::holds_alternative<Relu>(op) || std::holds_alternative<Clip>(op) ||
         std::holds_alternative<Sigmoid>(op) || std::holds_alternative<Tanh>(op) ||
         std::holds_alternative<HardSigmoid>(op) || std::holds_alternative<HardSwish>(op);
}

/// Whether insert_qdq leaves `node` between DequantizeLinear and QuantizeLinear alone. With fewer
/// than 8 bits a clamp stands before QuantizeLinear, which layers, sums and means take in.
bool runs_on_integers(const Node& node, const QuantParams& output) {
  const Op& op = node.op;
  if (std::holds_alternative<Conv2d>(op) || std::holds_alternative<Gemm>(op) ||
      std::holds_alternative<MatMul>(op) || std::holds_alternative<Add>(op) ||
      std::holds_alternative<AveragePool>(op) || std::holds_alternative<GlobalAveragePool>(op)) {
    return true;
  }
  return output.bits == 8 &&
         (is_table(op) || std::holds_alternative<Mul>(op) || std::holds_alternative<Concat>(op));
}

/// The clamp of a layer; of a MatMul it is that of the addition behind it.
Clamp activation_of(const Op& op) {
  return std::visit(Overloaded{[](const Conv2d& conv) { return conv.activation; },
                               [](const Gemm& gemm) { return gemm.activation; },
                               [](const Add& add) { return add.activation; },
                               [](const auto&) { return Clamp{}; }},
                    op);
}

/// The sums of a layer: its op without the fused activation, on integers in double.
at::Tensor accumulate(const Graph& graph, const Node& node, const LayerIntegers& layer,
                      const at::Tensor& r) {
  Node plain = node;
  std::visit(Overloaded{[](Conv2d& op) { op.activation = {}; },
                        [](Gemm& op) { op.activation = {}; }, [](auto&) {}},
             plain.op);
  std::vector<at::Tensor> inputs{r, to_torch(layer.weight, at::kCPU).to(at::kDouble)};
  const at::Tensor bias =
      layer.bias ? to_torch(*layer.bias, at::kCPU).to(at::kDouble) : at::Tensor();
  if (std::holds_alternative<MatMul>(node.op)) {
    const at::Tensor sums = evaluate_node(graph, plain, inputs, /*training=*/false);
    return bias.defined() ? sums + bias : sums;
  }
  if (bias.defined()) inputs.push_back(bias);
  return evaluate_node(graph, plain, inputs, /*training=*/false);
}

/// float32(input scale * weight scale / output scale) per output channel, shaped like the output.
at::Tensor multipliers(const LayerIntegers& layer, float input_scale, double output_scale,
                       std::int64_t rank, std::int64_t channel_axis) {
  std::vector<float> result;
  for (const float weight_scale : layer.weight_params.scale) {
    result.push_back(static_cast<float>(double{input_scale} * weight_scale / output_scale));
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(rank), 1);
  if (result.size() > 1) shape[static_cast<std::size_t>(channel_axis)] = -1;
  return at::tensor(result, at::kFloat).view(shape);
}

class CodeEvaluator {
 public:
  CodeEvaluator(const Graph& graph, const QuantAssignment& assignment, const QuantSpec& spec)
      : graph_(graph),
        roles_(graph),
        assignment_(assignment),
        spec_(spec),
        reals_(graph.values().size()),
        codes_(graph.values().size()) {}

  std::map<ValueId, Tensor> run(const Tensor& batch) {
    require_float_graph(graph_);
    define(graph_.inputs().at(0), to_torch(batch, at::kCPU));
    for (const Node& node : graph_.nodes()) {
      require_evaluable(node);
      evaluate(node);
    }
    std::map<ValueId, Tensor> result;
    for (const auto& [id, params] : assignment_.activations) {
      if (codes(id) && !graph_.value(id).constant)
        result[id] = from_torch((codes(id)->r + params.zero_point).to(at::kByte));
    }
    return result;
  }

 private:
  at::Tensor& real_slot(ValueId id) { return reals_[static_cast<std::size_t>(id)]; }
  std::optional<Centered>& codes(ValueId id) { return codes_[static_cast<std::size_t>(id)]; }
  const QuantParams* assigned(ValueId id) const {
    const auto entry = assignment_.activations.find(id);
    return entry == assignment_.activations.end() ? nullptr : &entry->second;
  }

  /// A float value, quantized if it is a point.
  void define(ValueId id, const at::Tensor& x) {
    const QuantParams* params = assigned(id);
    if (params) {
      codes(id) = quantize_real(x, *params);
    } else {
      real_slot(id) = x;
    }
  }

  at::Tensor read(ValueId id) {
    if (codes(id)) return as_real(*codes(id));
    if (!real_slot(id).defined()) {
      real_slot(id) = to_torch(*graph_.value(id).constant, at::kCPU);
    }
    return real_slot(id);
  }

  bool all_codes(const Node& node, IntegerRole role) {
    const std::vector<ValueId> inputs = quantized_inputs(node, role);
    for (const ValueId id : inputs) {
      // A constant beside activations.
      if (graph_.value(id).constant && assigned(id) && !codes(id)) {
        codes(id) = quantize_real(to_torch(*graph_.value(id).constant, at::kCPU), *assigned(id));
      }
    }
    return !inputs.empty() &&
           std::ranges::all_of(inputs, [&](ValueId id) { return codes(id).has_value(); });
  }

  void evaluate(const Node& node) {
    const IntegerRole role = roles_.of(node);
    const ValueId output = node.outputs[0];
    const QuantParams* params = assigned(output);
    const bool on_codes = all_codes(node, role);
    if (on_codes && roles_.added_bias(node)) {
      products_[output] = &node;  // the addition behind it is part of the layer
      return;
    }
    if (role == IntegerRole::kBias) {
      for (const std::optional<ValueId>& input : node.inputs) {
        const auto product = products_.find(*input);
        if (product == products_.end()) continue;
        const Node& layer = *product->second;
        if (params) {
          codes(output) = on_layer(layer, activation_of(node.op), *params);
        } else {
          define(output, layer_to_real(layer, activation_of(node.op)));
        }
        return;
      }
    }
    if (on_codes && role == IntegerRole::kCarry && !params) {
      const Centered& input = *codes(*node.inputs[0]);
      codes(output) = {evaluate_node(graph_, node, {input.r}, false), input.params};
    } else if (on_codes && params && runs_on_integers(node, *params)) {
      codes(output) = on_integers(node, *params);
    } else if (on_codes && role == IntegerRole::kCompute &&
               !std::holds_alternative<Conv2d>(node.op)) {
      define(output, layer_to_real(node, activation_of(node.op)));
    } else {
      define(output, in_float(node));
    }
  }

  LayerIntegers layer(const Node& node) {
    return quantize_layer(graph_, node, codes(*node.inputs[0])->params.scale, assignment_, spec_,
                          roles_.added_bias(node));
  }

  /// The axis of a layer's output that holds its channels.
  static std::int64_t channel_axis(const Node& node, const at::Tensor& output) {
    return std::holds_alternative<MatMul>(node.op) ? output.dim() - 1 : 1;
  }

  Centered on_layer(const Node& node, const Clamp& clamp, const QuantParams& output) {
    const Centered& x = *codes(*node.inputs[0]);
    const LayerIntegers integers = layer(node);
    const at::Tensor acc = accumulate(graph_, node, integers, x.r);
    return rounded(requantized(acc, multipliers(integers, x.params.scale, output.scale, acc.dim(),
                                                channel_axis(node, acc))),
                   quantize(clamp.low, output), quantize(clamp.high, output), output);
  }

  /// A linear layer whose output nobody wants as codes: its sums are dequantized.
  at::Tensor layer_to_real(const Node& node, const Clamp& clamp) {
    const Centered& x = *codes(*node.inputs[0]);
    const LayerIntegers integers = layer(node);
    const at::Tensor acc = accumulate(graph_, node, integers, x.r);
    return apply_clamp(requantized(acc, multipliers(integers, x.params.scale, 1.0, acc.dim(),
                                                    channel_axis(node, acc))),
                       clamp);
  }

  Centered on_integers(const Node& node, const QuantParams& output) {
    const auto input = [&](std::size_t i) -> const Centered& { return *codes(*node.inputs[i]); };
    return std::visit(
        Overloaded{
            [&](const Conv2d& op) { return on_layer(node, op.activation, output); },
            [&](const Gemm& op) { return on_layer(node, op.activation, output); },
            [&](const MatMul&) {
              if (roles_.of(node) == IntegerRole::kCompute) return on_layer(node, {}, output);
              const double scale = double{input(0).params.scale} * input(1).params.scale;
              return rounded(requantized(at::matmul(input(0).r, input(1).r),
                                         scalar(static_cast<float>(scale / output.scale))),
                             output);
            },
            [&](const Add& op) {
              return rounded(dequantize_add(op, input(0), input(1), output), output);
            },
            [&](const Mul&) {
              return rounded(requantize_product(input(0), input(1), output), output);
            },
            [&](const AveragePool& op) {
              const WindowSums windows =
                  window_sums(op, input(0).r, graph_.value(node.outputs[0]).shape);
              return rounded(requantize_mean(windows.sums, windows.counts, input(0), output),
                             output);
            },
            [&](const GlobalAveragePool&) {
              const at::Tensor& r = input(0).r;
              const at::Tensor pixels =
                  at::full({1}, static_cast<double>(r.size(2) * r.size(3)), at::kDouble);
              return rounded(requantize_mean(r.sum({2, 3}, true), pixels, input(0), output),
                             output);
            },
            [&](const Concat& op) {
              std::vector<at::Tensor> parts;
              for (std::size_t i = 0; i < node.inputs.size(); ++i) {
                const bool same = input(i).params == output;
                parts.push_back(same ? input(i).r : look_up(Identity{}, input(i), output).r);
              }
              return Centered{at::cat(parts, op.axis), output};
            },
            [&](const auto&) { return look_up(node.op, input(0), output); },
        },
        node.op);
  }

  /// The node in float32 between DequantizeLinear and QuantizeLinear.
  at::Tensor in_float(const Node& node) {
    std::vector<at::Tensor> inputs;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::optional<ValueId>& id = node.inputs[i];
      inputs.push_back(!id ? at::Tensor() : i == 1 ? read_weight(node, *id) : read(*id));
    }
    // Means in float are summed in the order of the pixels, as the runtime does.
    if (const auto* pool = std::get_if<AveragePool>(&node.op)) {
      const WindowSums windows = window_sums(*pool, inputs[0], graph_.value(node.outputs[0]).shape);
      return windows.sums / windows.counts.clamp_min(1.0);
    }
    if (std::holds_alternative<GlobalAveragePool>(node.op)) {
      AveragePool whole;
      whole.window.kernel = {static_cast<int>(inputs[0].size(2)),
                             static_cast<int>(inputs[0].size(3))};
      const WindowSums windows = window_sums(whole, inputs[0], Shape{1, 1, 1, 1});
      return windows.sums / windows.counts;
    }
    return evaluate_node(graph_, node, inputs, /*training=*/false);
  }

  /// Weight-only layers read the real values of their integer weights.
  at::Tensor read_weight(const Node& node, ValueId id) {
    const auto params = assignment_.weights.find(id);
    if (roles_.of(node) != IntegerRole::kCompute || params == assignment_.weights.end()) {
      return read(id);
    }
    const Tensor integers = quantize_weight(*graph_.value(id).constant, params->second,
                                            assignment_.weight_bits.at(id), spec_.torch_compat);
    return to_torch(dequantize(integers, params->second), at::kCPU);
  }

  const Graph& graph_;
  IntegerRoles roles_;
  const QuantAssignment& assignment_;
  const QuantSpec& spec_;
  std::vector<at::Tensor> reals_;
  std::vector<std::optional<Centered>> codes_;
  std::map<ValueId, const Node*> products_;  // whose bias the next node adds
};

}  // namespace

std::map<ValueId, Tensor> fake_quant_codes(const Graph& graph, const QuantAssignment& assignment,
                                           const QuantSpec& spec, const Tensor& batch) {
  const at::NoGradGuard no_grad;
  return CodeEvaluator(graph, assignment, spec).run(batch);
}

}  // namespace octet
