#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "octet/base/result_record.h"
#include "octet/data/dataset.h"

namespace octet {

/// Computes logits [batch, classes] of preprocessed samples [batch, sample_shape...].
/// The runtime or the float executor supplies it; eval does not know how a model runs.
using Classifier =
    std::function<void(std::span<const float> samples, int batch, std::span<float> logits)>;

/// Logits of a whole data set, so that several models are compared on the same samples.
struct Predictions {
  int classes = 0;
  std::vector<float> logits;            ///< [samples, classes]
  std::vector<std::int32_t> predicted;  ///< arg max; the lowest index on a tie
};

/// Runs every sample once, in order, in batches of `batch` (the last one may be smaller).
/// Error(kBadData) naming the sample if a logit is not finite.
Predictions predict(const Classifier& classifier, const Dataset& data,
                    const Preprocessing& preprocessing, int batch,
                    const std::function<void(std::int64_t done)>& progress = {});

/// Top-1, top-5, mean cross entropy and per-class accuracy, in percent.
AccuracyRecord accuracy(const Predictions& predictions, const Dataset& data);

/// Fills agreement, mcnemar_p and top1_drop_pp of `record` (of `predictions`) against `reference`
/// on the same samples.
void compare_predictions(const Predictions& predictions, const Predictions& reference,
                         const Dataset& data, AccuracyRecord& record);

/// Exact two-sided McNemar test (binomial) of `only_a` against `only_b` discordant pairs; 1 if
/// there are none. McNemar 1947.
double mcnemar_p(std::int64_t only_a, std::int64_t only_b);

/// Signal-to-quantization-noise ratio in dB of `actual` against `expected`; +inf if equal.
double sqnr_db(std::span<const float> expected, std::span<const float> actual);

}  // namespace octet
