#pragma once

#include <array>
#include <optional>
#include <vector>

#include "octet/base/result_record.h"

namespace octet {

/// How one configuration's figure stands to another's, as far as noise lets us say.
enum class Order { kBetter, kTie, kWorse };

/// The figures that the frontier is drawn over.
struct Figures {
  double file_bytes = 0;
  double p50_ms = 0;
  std::array<double, 2> ci95_ms{};
  double top1 = 0;  ///< percent
  double samples = 0;
  std::optional<double> mcnemar_p;  ///< against the baseline
  std::optional<double> agreement;  ///< with the baseline's predictions, percent
  bool is_baseline = false;
};

/// One entry per configuration. Error(kBadData) naming the configuration and the key of a figure
/// that is missing, not finite or out of range: a gap must not look like a record.
std::vector<Figures> require_figures(const RunRecord& run);

Order compare_size(const Figures& a, const Figures& b);
/// A tie while the 95 % intervals of the median overlap.
Order compare_latency(const Figures& a, const Figures& b);
/// The paired McNemar test (5 %) where one of the two is the baseline and the test was made.
/// Otherwise the 95 % interval of the difference: of two independent binomial proportions, or,
/// where it is narrower, the paired one. Who agrees with whom is known against the baseline only,
/// but where both predict as the baseline does they agree with each other, so they can disagree on
/// no more samples than they disagree with the baseline on together.
Order compare_accuracy(const Figures& a, const Figures& b);

/// The latency at `batch`, or nullptr if it was not measured.
const LatencyRecord* latency_at(const ConfigRecord& config, int batch);
/// The 95 % Wilson score interval of the top-1 accuracy, in percent. REQUIRES: samples >= 1.
std::array<double, 2> top1_interval(const AccuracyRecord& accuracy);

}  // namespace octet
