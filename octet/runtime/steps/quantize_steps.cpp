#include "octet/runtime/steps/quantize_steps.h"

#include <array>
#include <cmath>

#include "octet/base/error.h"
#include "octet/runtime/kernels/quantize/quantize.h"
#include "octet/runtime/kernels/table/table.h"
#include "octet/runtime/steps/copy_steps.h"
#include "octet/runtime/steps/function_step.h"
#include "octet/runtime/steps/packed_weights.h"

namespace octet {
namespace {

constexpr std::int64_t kGrain = 16384;  // elements: below this a second thread does not pay

class QuantizeStep final : public Step {
 public:
  QuantizeStep(const QuantizeKernel& kernel, Stored x, Stored c, const Clamp& clamp)
      : kernel_(kernel),
        x_(std::move(x)),
        c_(std::move(c)),
        low_(clamp_code(clamp.low, c_.scale, c_.zero_point)),
        high_(clamp_code(clamp.high, c_.scale, c_.zero_point)) {}
  void run(const RunContext& context) noexcept override {
    const float* x = context.get<float>(x_.buffer);
    auto* c = context.get<std::uint8_t>(c_.buffer);
    const std::int64_t count = context.outer(c_.dims) * c_.elements_per_outer();
    context.pool->parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
      kernel_.quantize({end - begin, x + begin, c + begin, c_.scale, c_.zero_point, low_, high_});
    });
  }

 private:
  const QuantizeKernel& kernel_;
  Stored x_, c_;
  std::int32_t low_, high_;
};

class QuantizeNhwcStep final : public Step {
 public:
  QuantizeNhwcStep(const QuantizeKernel& kernel, BufferId x, Stored c, const Clamp& clamp)
      : kernel_(kernel),
        x_(x),
        c_(std::move(c)),
        low_(clamp_code(clamp.low, c_.scale, c_.zero_point)),
        high_(clamp_code(clamp.high, c_.scale, c_.zero_point)) {}
  void run(const RunContext& context) noexcept override {
    const float* x = context.get<float>(x_);
    auto* c = context.get<std::uint8_t>(c_.buffer);
    const std::int64_t sample = c_.elements_per_outer();
    const std::int64_t pixels = c_.dims[1] * c_.dims[2];
    const std::int64_t grain = sample > 0 ? kGrain / sample + 1 : 1;
    context.pool->parallel_for(
        context.outer(c_.dims), grain, [&](std::int64_t begin, std::int64_t end, int) {
          for (std::int64_t n = begin; n < end; ++n) {
            kernel_.quantize_nhwc({static_cast<int>(c_.dims[3]), pixels, x + n * sample,
                                   c + n * sample, c_.scale, c_.zero_point, low_, high_});
          }
        });
  }

 private:
  const QuantizeKernel& kernel_;
  BufferId x_;
  Stored c_;
  std::int32_t low_, high_;
};

class DequantizeStep final : public Step {
 public:
  DequantizeStep(const QuantizeKernel& kernel, Stored q, Stored y)
      : kernel_(kernel), q_(std::move(q)), y_(std::move(y)) {}
  void run(const RunContext& context) noexcept override {
    const auto* q = context.get<std::uint8_t>(q_.buffer);
    float* y = context.get<float>(y_.buffer);
    const std::int64_t count = context.outer(q_.dims) * q_.elements_per_outer();
    context.pool->parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
      kernel_.dequantize({end - begin, q + begin, y + begin, q_.scale, q_.zero_point});
    });
  }

 private:
  const QuantizeKernel& kernel_;
  Stored q_, y_;
};

class TableStep final : public Step {
 public:
  TableStep(const TableKernel& kernel, Stored a, Stored c,
            const std::array<std::uint8_t, 256>& table)
      : kernel_(kernel), a_(std::move(a)), c_(std::move(c)), table_(table) {}
  void run(const RunContext& context) noexcept override {
    const auto* a = context.get<std::uint8_t>(a_.buffer);
    auto* c = context.get<std::uint8_t>(c_.buffer);
    const std::int64_t count = context.outer(a_.dims) * a_.elements_per_outer();
    context.pool->parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
      kernel_.run({end - begin, a + begin, c + begin, table_.data()});
    });
  }

 private:
  const TableKernel& kernel_;
  Stored a_, c_;
  std::array<std::uint8_t, 256> table_;
};

/// The real function of a unary operator, in double.
double apply(const Op& op, double x) {
  return std::visit(
      Overloaded{
          [&](const Relu&) { return std::max(x, 0.0); },
          [&](const Clip& clip) {
            return std::min<double>(std::max<double>(x, clip.range.low), clip.range.high);
          },
          [&](const Sigmoid&) { return 1.0 / (1.0 + std::exp(-x)); },
          [&](const Tanh&) { return std::tanh(x); },
          [&](const HardSigmoid& h) {
            return std::max(0.0, std::min(1.0, static_cast<double>(h.alpha) * x + h.beta));
          },
          [&](const HardSwish&) { return x * std::max(0.0, std::min(1.0, x / 6.0 + 0.5)); },
          [&](const auto&) { return x; },
      },
      op);
}

/// Clause 6: table[q] = quantize(f(dequantize(q))), built in double.
std::array<std::uint8_t, 256> build_table(const Op& op, float in_scale, std::int32_t in_zero,
                                          float out_scale, std::int32_t out_zero) {
  std::array<std::uint8_t, 256> table{};
  for (int q = 0; q < 256; ++q) {
    const double real = apply(op, static_cast<double>(q - in_zero) * in_scale);
    const double code = std::nearbyint(real / out_scale);
    const double low = -out_zero, high = 255 - out_zero;
    table[static_cast<std::size_t>(q)] =
        static_cast<std::uint8_t>(static_cast<int>(std::min(std::max(code, low), high)) + out_zero);
  }
  return table;
}

/// Clause 6: the nodes by their definitions in float32, then clause 1.
std::array<std::uint8_t, 256> build_table(const Graph& graph, const CodeFunction& function) {
  const ActivationCodes &in = function.input, &out = function.output;
  Tensor codes(DType::kFloat32, {256});
  for (int q = 0; q < 256; ++q) {
    codes.mutable_data<float>()[static_cast<std::size_t>(q)] =
        dequantize(q, {.scale = in.scale, .zero_point = in.zero_point});
  }
  std::map<ValueId, Tensor> values;
  for (const ValueId source : function.region.sources) values[source] = codes;
  const TensorType type{DType::kFloat32, {256}};
  ValueId last{};
  for (const NodeId id : function.region.nodes) {
    const Node& node = graph.node(id);
    std::vector<std::optional<Tensor>> inputs;
    for (const std::optional<ValueId>& input : node.inputs) {
      if (input && graph.value(*input).constant) {
        inputs.emplace_back(graph.value(*input).constant->reshaped({}));
      } else {
        inputs.push_back(input ? std::optional(values.at(*input)) : std::nullopt);
      }
    }
    last = node.outputs[0];
    const auto result = apply(*function_of(node.op), inputs, std::span(&type, 1));
    if (!result) {
      fail(ErrorKind::kInternal, "compile: node '", node.name, "': no result for a float");
    }
    values[last] = result->front();
  }
  std::array<std::uint8_t, 256> table{};
  for (std::size_t q = 0; q < 256; ++q) {
    table[q] = static_cast<std::uint8_t>(quantize(
        values.at(last).data<float>()[q], {.scale = out.scale, .zero_point = out.zero_point}));
  }
  return table;
}

}  // namespace

void lower_quantize(PlanBuilder& builder, const Node& node, ValueId input, const Clamp& clamp) {
  const auto& params = std::get<QuantizeLinear>(node.op).params;
  const auto codes = activation_codes(node.outputs[0], params);
  if (!codes) {
    fail(ErrorKind::kUnsupported, "compile: node '", node.name,
         "' (QuantizeLinear): only per-tensor uint8 and int8 run, found ",
         params.axis ? "per-axis " : "", to_string(params.dtype));
  }
  const QuantizeKernel& kernel = select_quantize(builder.isa());
  const std::string kernel_name = "quantize/" + std::string(kernel.name);
  const bool from_caller = !builder.has(input) && !builder.graph().value(input).constant &&
                           !builder.nodes().producer(input) &&
                           builder.graph().value(input).shape.rank() == 4;
  if (from_caller) {
    const BufferId x = external_input(builder, input);
    const Stored c =
        builder.define(node.outputs[0], DType::kUInt8, codes->scale, codes->zero_point);
    builder.add_step(std::make_unique<QuantizeNhwcStep>(kernel, x, c, clamp),
                     {node.name, "QuantizeLinear", kernel_name}, {x, c.buffer});
    return;
  }
  const Stored x = builder.stored(input);
  const Stored c = builder.define(node.outputs[0], DType::kUInt8, codes->scale, codes->zero_point);
  builder.add_step(std::make_unique<QuantizeStep>(kernel, x, c, clamp),
                   {node.name, "QuantizeLinear", kernel_name}, {x.buffer, c.buffer});
}

void add_dequantize_step(PlanBuilder& builder, ValueId value, ValueId integers) {
  const Node& node = *builder.nodes().producer(value);
  const auto codes = activation_codes(integers, std::get<DequantizeLinear>(node.op).params);
  if (!codes) {
    lower_function(builder, node, function_of(node.op));
    return;
  }
  Stored q = builder.stored(integers);
  q.scale = codes->scale;  // an input or a function's result is stored without them
  q.zero_point = codes->zero_point;
  const Stored y = builder.define(value, DType::kFloat32);
  const QuantizeKernel& kernel = select_quantize(builder.isa());
  builder.add_step(std::make_unique<DequantizeStep>(kernel, q, y),
                   {builder.graph().value(value).name, "DequantizeLinear",
                    "dequantize/" + std::string(kernel.name)},
                   {q.buffer, y.buffer});
}

void lower_table(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const ActivationCodes& in = integer.inputs[0];
  const ActivationCodes& out = *integer.output;
  const Stored a = builder.stored(in.integers);
  const Stored c = builder.define(out.integers, DType::kUInt8, out.scale, out.zero_point);
  const TableKernel& kernel = select_table(builder.isa());
  builder.add_step(
      std::make_unique<TableStep>(
          kernel, a, c, build_table(node.op, in.scale, in.zero_point, out.scale, out.zero_point)),
      {node.name, std::string(op_name(node.op)), "table/" + std::string(kernel.name)},
      {a.buffer, c.buffer});
}

void lower_code_function(PlanBuilder& builder, const Node& node, const CodeFunction& function) {
  const ActivationCodes& out = function.output;
  const Stored a = builder.stored(function.input.integers);
  const Stored c = builder.define(out.integers, DType::kUInt8, out.scale, out.zero_point);
  const TableKernel& kernel = select_table(builder.isa());
  builder.add_step(
      std::make_unique<TableStep>(kernel, a, c, build_table(builder.graph(), function)),
      {node.name, std::string(op_name(node.op)), "table/" + std::string(kernel.name)},
      {a.buffer, c.buffer});
}

Stored add_requantize_step(PlanBuilder& builder, const Stored& from, float scale,
                           std::int32_t zero_point, const std::string& name) {
  if (from.scale == scale && from.zero_point == zero_point) return from;
  const Stored to = builder.add_temporary_tensor(from.dims, DType::kUInt8, scale, zero_point);
  const TableKernel& kernel = select_table(builder.isa());
  builder.add_step(std::make_unique<TableStep>(
                       kernel, from, to,
                       build_table(Identity{}, from.scale, from.zero_point, scale, zero_point)),
                   {name, "Requantize", "table/" + std::string(kernel.name)},
                   {from.buffer, to.buffer});
  return to;
}

}  // namespace octet
