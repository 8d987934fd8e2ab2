#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/runtime/kernels/eltwise/eltwise.h"
#include "octet/runtime/steps/eltwise_steps.h"

namespace octet {
namespace {

/// Calls body(count, a, c) for runs of the elements of two tensors, in the threads.
template <typename Body>
void for_each_run(const RunContext& context, const Stored& from, const Stored& to,
                  Body body) noexcept {
  const float* a = context.get<float>(from.buffer);
  float* c = context.get<float>(to.buffer);
  context.pool->parallel_for(
      context.outer(to.dims) * to.elements_per_outer(), 16384,
      [&](std::int64_t begin, std::int64_t end, int) { body(end - begin, a + begin, c + begin); });
}

class ClampStep final : public Step {
 public:
  ClampStep(const EltwiseKernel& kernel, Stored a, Stored c, Clamp clamp)
      : kernel_(kernel), a_(std::move(a)), c_(std::move(c)), clamp_(clamp) {}
  void run(const RunContext& context) noexcept override {
    for_each_run(context, a_, c_, [&](std::int64_t count, const float* a, float* c) {
      kernel_.clamp_f32({count, a, nullptr, c, clamp_.low, clamp_.high});
    });
  }

 private:
  const EltwiseKernel& kernel_;
  Stored a_, c_;
  Clamp clamp_;
};

/// HardSigmoid and HardSwish.
class HardStep final : public Step {
 public:
  HardStep(const EltwiseKernel& kernel, Stored a, Stored c, float alpha, float beta,
           bool times_input)
      : kernel_(kernel),
        a_(std::move(a)),
        c_(std::move(c)),
        alpha_(alpha),
        beta_(beta),
        times_input_(times_input) {}
  void run(const RunContext& context) noexcept override {
    for_each_run(context, a_, c_, [&](std::int64_t count, const float* a, float* c) {
      kernel_.hard_f32({count, a, c, alpha_, beta_, times_input_});
    });
  }

 private:
  const EltwiseKernel& kernel_;
  Stored a_, c_;
  float alpha_, beta_;
  bool times_input_;
};

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
float hyperbolic_tangent(float x) { return std::tanh(x); }

class UnaryStep final : public Step {
 public:
  using Function = float (*)(float);
  UnaryStep(Function function, Stored a, Stored c)
      : function_(function), a_(std::move(a)), c_(std::move(c)) {}
  void run(const RunContext& context) noexcept override {
    const float* a = context.get<float>(a_.buffer);
    float* c = context.get<float>(c_.buffer);
    context.pool->parallel_for(context.outer(c_.dims) * c_.elements_per_outer(), 2048,
                               [&](std::int64_t begin, std::int64_t end, int) {
                                 for (std::int64_t i = begin; i < end; ++i) {
                                   c[i] = function_(a[i]);
                                 }
                               });
  }

 private:
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
  const EltwiseKernel& family = select_eltwise(builder.isa());
  const Stored c = builder.define(node.outputs[0], DType::kFloat32);
  const std::string op(op_name(node.op));
  std::unique_ptr<Step> step;
  std::string kernel = "activation_f32/reference";
  if (softmax) {
    step = std::make_unique<SoftmaxStep>(a, c);
  } else if (const auto function = unary_function(node.op)) {
    step = std::make_unique<UnaryStep>(function, a, c);
  } else if (const auto* sigmoid = std::get_if<HardSigmoid>(&node.op)) {
    step = std::make_unique<HardStep>(family, a, c, sigmoid->alpha, sigmoid->beta, false);
    kernel = "hard_sigmoid_f32/" + std::string(family.name);
  } else if (std::holds_alternative<HardSwish>(node.op)) {
    step = std::make_unique<HardStep>(family, a, c, 1.0f / 6.0f, 0.5f, true);
    kernel = "hard_swish_f32/" + std::string(family.name);
  } else {
    const auto* clip = std::get_if<Clip>(&node.op);
    step = std::make_unique<ClampStep>(
        family, a, c, clip ? clip->range : Clamp{0.0f, std::numeric_limits<float>::infinity()});
    kernel = "clamp_f32/" + std::string(family.name);
  }
  builder.add_step(std::move(step), {node.name, op, kernel}, {a.buffer, c.buffer});
}

}  // namespace octet
