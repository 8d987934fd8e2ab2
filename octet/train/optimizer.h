#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "octet/train/train.h"

// Internal to train/: the update rules, with PyTorch's semantics.

namespace octet {

/// SGD with momentum (Sutskever et al. 2013, in PyTorch's form) or Adam (Kingma and Ba 2015,
/// arXiv:1412.6980). Weight decay is L2: it is added to the gradient of every parameter.
class ParameterOptimizer {
 public:
  ParameterOptimizer(const TrainOptions& options, std::vector<at::Tensor> parameters);

  void zero_gradients();
  /// One update of every parameter that has a gradient.
  void step(double lr);

  /// Momentum buffers, or Adam's first and then second moments, in parameter order.
  const std::vector<at::Tensor>& state() const { return state_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  void step_sgd(at::Tensor parameter, const at::Tensor& gradient, at::Tensor momentum, double lr);
  void step_adam(at::Tensor parameter, const at::Tensor& gradient, at::Tensor mean,
                 at::Tensor square, double lr);

  Optimizer kind_;
  double momentum_;
  bool nesterov_;
  double weight_decay_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> state_;
  std::int64_t steps_ = 0;
};

/// The learning rate of an epoch, counted from 0.
double learning_rate(const TrainOptions& options, int epoch);

}  // namespace octet
