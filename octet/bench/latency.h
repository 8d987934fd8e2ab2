#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "octet/base/result_record.h"

namespace octet {

struct LatencyOptions {
  int warmup = 10;
  int rounds = 200;
  double min_round_ms = 1.0;  ///< short calls are repeated within a round until it lasts this long
  double max_seconds = 60.0;  ///< over all subjects; at least 10 rounds are always made
  std::uint32_t seed = 0;     ///< of the bootstrap
};

/// One thing to time: a name and one call of the work.
struct Subject {
  std::string name;
  std::function<void()> run;
};

/// Interleaved rounds: each round times every subject once, in an order that rotates, so that a
/// disturbance of the machine hits all alike. Percentiles interpolate linearly (numpy's default);
/// ci95_ms is a percentile bootstrap of the median; speedup is the median over rounds of
/// time(first) / time(this), with its own interval.
std::vector<LatencyRecord> measure_latency(std::span<const Subject> subjects,
                                           const LatencyOptions& options);

/// Linear interpolation between order statistics; `fraction` in [0, 1]. Values need not be sorted.
double percentile(std::vector<double> values, double fraction);

}  // namespace octet
