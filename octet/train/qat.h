#pragma once

#include <string>
#include <vector>

#include "octet/quant/quant_assignment.h"
#include "octet/quant/quant_spec.h"
#include "octet/train/train.h"

namespace octet {

struct QatOptions {
  TrainOptions train{.epochs = 1,
                     .batch = 128,
                     .lr = 1e-4f,
                     .momentum = 0.9f,
                     .nesterov = false,
                     .schedule = Schedule::kConstant};
  int calibration_samples = 256;   ///< training samples that initialize the activation observers
  double freeze_observers = 0.75;  ///< fraction of all steps after which ranges stay fixed
  float averaging = 0.01f;         ///< of the moving-average activation observers
};

/// One fake-quantized tensor of the prepared model.
struct FakeQuantInfo {
  std::string name;  ///< of the value
  bool is_weight = false;
  int bits = 8;
  Range range;
  std::vector<float> scale;
  std::vector<std::int32_t> zero_point;
};

struct QatResult {
  Graph quantized;   ///< integers, in QDQ form (insert_qdq)
  Graph fine_tuned;  ///< the float weights that were quantized, batch norm folded
  QuantAssignment assignment;
  std::vector<EpochResult> epochs;       ///< accuracies of the fake-quantized model
  std::vector<FakeQuantInfo> prepared;   ///< before training: observers and their ranges
  std::vector<FakeQuantInfo> converted;  ///< after: the parameters of the integers
  std::int64_t changed_weights = 0;      ///< integer weights that differ from plain PTQ's
  std::int64_t total_weights = 0;
  bool stopped = false;
};

/// Quantization-aware fine-tuning from trained weights: batch norm folded, weights and activations
/// fake-quantized (numerics clause 10) with the straight-through gradient (Bengio et al. 2013,
/// arXiv:1308.3432; Jacob et al. 2018, arXiv:1712.05877), observers frozen after a stated point.
/// Error(kInternal) naming the layer if one that should be fake-quantized is not.
QatResult fine_tune_quantized(const Graph& trained, const QuantSpec& spec, const DataSplits& data,
                              const QatOptions& options, const ProgressSink& progress = {});

}  // namespace octet
