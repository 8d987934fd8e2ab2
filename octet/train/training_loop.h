#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "octet/data/dataset.h"
#include "octet/train/checkpoint.h"
#include "octet/train/train.h"

// Internal to train/: the loop that float training and quantization-aware training share.

namespace octet {

/// What the loop needs of a network.
struct TrainableNetwork {
  std::vector<at::Tensor> parameters;  ///< leaves that require gradients
  std::vector<at::Tensor> state;       ///< what else training changes: statistics, observers
  std::function<at::Tensor(const at::Tensor& batch, bool training)> forward;  ///< logits
  /// Called before each step with its number, from 0 over all epochs, and the number of all steps.
  std::function<void(std::int64_t step, std::int64_t steps)> before_step;
  bool has_batch_norm = false;  ///< a batch of one sample has no variance
  at::Device device = at::kCPU;
};

struct TrainingJob {
  const DataSplits& data;
  Preprocessing preprocessing;
  const TrainOptions& options;
  Fingerprint fingerprint;
  const ProgressSink& progress;
};

struct LoopResult {
  std::vector<EpochResult> epochs;
  int best_epoch = 0;
  bool stopped = false;
};

/// Trains and leaves the best epoch's values in the tensors of `network`: the best one on
/// validation data (the later on a tie), the last one without.
LoopResult run_training(TrainableNetwork& network, const TrainingJob& job);

}  // namespace octet
