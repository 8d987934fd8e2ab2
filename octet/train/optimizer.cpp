#include "octet/train/optimizer.h"

#include <cmath>
#include <numbers>

namespace octet {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

ParameterOptimizer::ParameterOptimizer(const TrainOptions& options,
                                       std::vector<at::Tensor> parameters)
    : kind_(options.optimizer),
      momentum_(options.momentum),
      nesterov_(options.nesterov),
      weight_decay_(options.weight_decay),
      parameters_(std::move(parameters)) {
  // PyTorch sets the momentum of the first step to the gradient: what a zero buffer gives.
  const int buffers = kind_ == Optimizer::kAdam ? 2 : 1;
  for (int i = 0; i < buffers; ++i) {
    for (const at::Tensor& parameter : parameters_) {
      state_.push_back(at::zeros_like(parameter.detach()));
    }
  }
}

void ParameterOptimizer::zero_gradients() {
  for (at::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
}

void ParameterOptimizer::step(double lr) {
  const at::NoGradGuard no_grad;
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor gradient = parameters_[i].grad();
    if (!gradient.defined()) continue;
    if (weight_decay_ != 0) gradient = gradient.add(parameters_[i], weight_decay_);
    if (kind_ == Optimizer::kSgd) {
      step_sgd(parameters_[i], gradient, state_[i], lr);
    } else {
      step_adam(parameters_[i], gradient, state_[i], state_[parameters_.size() + i], lr);
    }
  }
}

void ParameterOptimizer::step_sgd(at::Tensor parameter, const at::Tensor& gradient,
                                  at::Tensor momentum, double lr) {
  if (momentum_ == 0) {
    parameter.add_(gradient, -lr);
    return;
  }
  momentum.mul_(momentum_).add_(gradient);
  parameter.add_(nesterov_ ? gradient.add(momentum, momentum_) : momentum, -lr);
}

void ParameterOptimizer::step_adam(at::Tensor parameter, const at::Tensor& gradient,
                                   at::Tensor mean, at::Tensor square, double lr) {
  const double step = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(kBeta1, step);
  const double correction2 = 1 - std::pow(kBeta2, step);
  mean.mul_(kBeta1).add_(gradient, 1 - kBeta1);
  square.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const at::Tensor denominator = (square.sqrt() / std::sqrt(correction2)).add_(kEpsilon);
  parameter.addcdiv_(mean, denominator, -lr / correction1);
}

double learning_rate(const TrainOptions& options, int epoch) {
  const double lr = options.lr;
  switch (options.schedule) {
    case Schedule::kConstant:
      return lr;
    case Schedule::kCosine:
      return 0.5 * lr * (1 + std::cos(std::numbers::pi * epoch / options.epochs));
    case Schedule::kStep:
      return lr * std::pow(options.step_gamma, epoch / options.step_epochs);
  }
  return lr;
}

}  // namespace octet
