#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/runtime/kernels/eltwise/eltwise.h"
#include "octet/runtime/steps/eltwise_steps.h"

namespace octet {
namespace {

class ClampStep final : public Step {
 public:
  ClampStep(const EltwiseKernel& kernel, Stored a, Stored c, Clamp clamp)
      : kernel_(kernel), a_(std::move(a)), c_(std::move(c)), clamp_(clamp) {}
  void run(const RunContext& context) noexcept override {
    const float* a = context.get<float>(a_.buffer);
    float* c = context.get<float>(c_.buffer);
    context.pool->parallel_for(
        context.outer(c_.dims) * c_.elements_per_outer(), 16384,
        [&](std::int64_t begin, std::int64_t end, int) {
          kernel_.clamp_f32({end - begin, a + begin, nullptr, c + begin, clamp_.low, clamp_.high});
        });
  }

 private:
  const EltwiseKernel& kernel_;
  Stored a_, c_;
  Clamp clamp_;
};

float sigmoid(const Op&, float x) { return 1.0f / (1.0f + std::exp(-x)); }
float hyperbolic_tangent(const Op&, float x) { return std::tanh(x); }
float hard_sigmoid(const Op& op, float x) {
  const auto& h = std::get<HardSigmoid>(op);
  return std::max(0.0f, std::min(1.0f, h.alpha * x + h.beta));
}
float hard_swish(const Op&, float x) {
  return x * std::max(0.0f, std::min(1.0f, x * (1.0f / 6.0f) + 0.5f));
}

class UnaryStep final : public Step {
 public:
  using Function = float (*)(const Op&, float);
  UnaryStep(Op op, Function function, Stored a, Stored c)
      : op_(std::move(op)), function_(function), a_(std::move(a)), c_(std::move(c)) {}
  void run(const RunContext& context) noexcept override {
    const float* a = context.get<float>(a_.buffer);
    float* c = context.get<float>(c_.buffer);
    context.pool->parallel_for(context.outer(c_.dims) * c_.elements_per_outer(), 2048,
                               [&](std::int64_t begin, std::int64_t end, int) {
                                 for (std::int64_t i = begin; i < end; ++i)
                                   c[i] = function_(op_, a[i]);
                               });
  }

 private:
  Op op_;
  Function function_;
  Stored a_, c_;
};

/// Softmax over the last axis, with the maximum subtracted first.
class SoftmaxStep final : public Step {
 public:
  SoftmaxStep(Stored a, Stored c) : a_(std::move(a)), c_(std::move(c)) {}
  void run(const RunContext& context) noexcept override {
    const std::int64_t length = a_.dims[a_.dims.rank() - 1];
    const std::int64_t rows =
        length == 0 ? 0 : context.outer(a_.dims) * a_.elements_per_outer() / length;
    const float* a = context.get<float>(a_.buffer);
    float* c = context.get<float>(c_.buffer);
    for (std::int64_t row = 0; row < rows; ++row, a += length, c += length) {
      float largest = -std::numeric_limits<float>::infinity();
      for (std::int64_t i = 0; i < length; ++i) largest = std::max(largest, a[i]);
      float sum = 0.0f;
      for (std::int64_t i = 0; i < length; ++i) sum += c[i] = std::exp(a[i] - largest);
      for (std::int64_t i = 0; i < length; ++i) c[i] /= sum;
    }
  }

 private:
  Stored a_, c_;
};

UnaryStep::Function unary_function(const Op& op) {
  if (std::holds_alternative<Sigmoid>(op)) return sigmoid;
  if (std::holds_alternative<Tanh>(op)) return hyperbolic_tangent;
  if (std::holds_alternative<HardSigmoid>(op)) return hard_sigmoid;
  if (std::holds_alternative<HardSwish>(op)) return hard_swish;
  return nullptr;
}

}  // namespace

bool has_float_softmax(const PlanBuilder& builder, const Node& node) {
  const int rank = builder.graph().value(*node.inputs[0]).shape.rank();
  return rank >= 2 && physical_axis(rank, std::get<Softmax>(node.op).axis) == rank - 1;
}

void lower_float_activation(PlanBuilder& builder, const Node& node) {
  const Stored a = builder.stored(*node.inputs[0]);
  const auto* softmax = std::get_if<Softmax>(&node.op);
  const Stored c = builder.define(node.outputs[0], DType::kFloat32);
  const std::string op(op_name(node.op));
  std::unique_ptr<Step> step;
  std::string kernel = "activation_f32/reference";
  if (softmax) {
    step = std::make_unique<SoftmaxStep>(a, c);
  } else if (const auto function = unary_function(node.op)) {
    step = std::make_unique<UnaryStep>(node.op, function, a, c);
  } else {
    const EltwiseKernel& family = select_eltwise(builder.isa());
    const auto* clip = std::get_if<Clip>(&node.op);
    step = std::make_unique<ClampStep>(
        family, a, c, clip ? clip->range : Clamp{0.0f, std::numeric_limits<float>::infinity()});
    kernel = "clamp_f32/" + std::string(family.name);
  }
  builder.add_step(std::move(step), {node.name, op, kernel}, {a.buffer, c.buffer});
}

}  // namespace octet
