#include "octet/report/compare.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "octet/base/error.h"

namespace octet {
namespace {

constexpr double kZ95 = 1.959963984540054;
constexpr double kSignificance = 0.05;

[[noreturn]] void refuse(const ConfigRecord& config, std::string_view key, double found,
                         std::string_view accepted) {
  fail(ErrorKind::kBadData, "pareto: configuration '", config.name, "': ", key, ": found ", found,
       ", accepted: ", accepted);
}

[[noreturn]] void refuse_missing(const ConfigRecord& config, std::string_view key) {
  fail(ErrorKind::kBadData, "pareto: configuration '", config.name, "': ", key,
       " was not measured; the frontier needs it");
}

double require_positive(const ConfigRecord& config, std::string_view key, double value) {
  if (!std::isfinite(value) || value <= 0) refuse(config, key, value, "a finite number above 0");
  return value;
}

Figures require_figures(const ConfigRecord& config) {
  if (!config.file_bytes) refuse_missing(config, "file_bytes");
  const LatencyRecord* latency = latency_at(config, 1);
  if (latency == nullptr) refuse_missing(config, "p50_ms at batch 1");
  if (!config.accuracy) refuse_missing(config, "top1");

  Figures figures;
  figures.file_bytes =
      require_positive(config, "file_bytes", static_cast<double>(*config.file_bytes));
  figures.p50_ms = require_positive(config, "p50_ms at batch 1", latency->p50_ms);
  for (const double bound : latency->ci95_ms) {
    require_positive(config, "ci95_ms at batch 1", bound);
  }
  if (latency->ci95_ms[0] > latency->ci95_ms[1]) {
    refuse(config, "ci95_ms at batch 1", latency->ci95_ms[0], "low before high");
  }
  figures.ci95_ms = latency->ci95_ms;
  figures.top1 = config.accuracy->top1;
  if (!(figures.top1 >= 0 && figures.top1 <= 100)) refuse(config, "top1", figures.top1, "0..100");
  figures.samples =
      require_positive(config, "samples", static_cast<double>(config.accuracy->samples));
  figures.mcnemar_p = config.accuracy->mcnemar_p;
  if (figures.mcnemar_p && !(*figures.mcnemar_p >= 0 && *figures.mcnemar_p <= 1)) {
    refuse(config, "mcnemar_p", *figures.mcnemar_p, "0..1");
  }
  figures.agreement = config.accuracy->agreement;
  if (figures.agreement && !(*figures.agreement >= 0 && *figures.agreement <= 100)) {
    refuse(config, "agreement", *figures.agreement, "0..100");
  }
  return figures;
}

/// The p-value of the paired test between the two, where there is one.
std::optional<double> paired_p(const Figures& a, const Figures& b) {
  if (a.is_baseline) return b.mcnemar_p;
  if (b.is_baseline) return a.mcnemar_p;
  return std::nullopt;
}

double binomial_variance(const Figures& figures) {
  const double p = figures.top1 / 100;
  return p * (1 - p) / figures.samples;
}

/// Half the width of the 95 % interval of the difference in accuracy, in percent.
double unpaired_margin(const Figures& a, const Figures& b) {
  return 100 * kZ95 * std::sqrt(binomial_variance(a) + binomial_variance(b));
}

/// The same from the largest share of samples that the two can disagree on, with McNemar's
/// continuity correction: the samples are few where they agree on nearly all.
double paired_margin(const Figures& a, const Figures& b) {
  if (!a.agreement || !b.agreement || a.samples != b.samples) return 100;
  const double discordant = (200 - *a.agreement - *b.agreement) / 100;
  return 100 * (kZ95 * std::sqrt(discordant / a.samples) + 1 / a.samples);
}

}  // namespace

std::vector<Figures> require_figures(const RunRecord& run) {
  if (run.configs.empty()) {
    fail(ErrorKind::kBadData, "pareto: the run holds no configuration, accepted: 1 or more");
  }
  std::vector<Figures> figures;
  for (const ConfigRecord& config : run.configs) {
    figures.push_back(require_figures(config));
    figures.back().is_baseline = figures.size() == 1;
  }
  return figures;
}

Order compare_size(const Figures& a, const Figures& b) {
  if (a.file_bytes == b.file_bytes) return Order::kTie;
  return a.file_bytes < b.file_bytes ? Order::kBetter : Order::kWorse;
}

Order compare_latency(const Figures& a, const Figures& b) {
  if (a.ci95_ms[1] < b.ci95_ms[0]) return Order::kBetter;
  if (b.ci95_ms[1] < a.ci95_ms[0]) return Order::kWorse;
  return Order::kTie;
}

Order compare_accuracy(const Figures& a, const Figures& b) {
  const double difference = a.top1 - b.top1;
  if (difference == 0) return Order::kTie;
  const std::optional<double> p = paired_p(a, b);
  const bool separate =
      p ? *p < kSignificance
        : std::abs(difference) > std::min(unpaired_margin(a, b), paired_margin(a, b));
  if (!separate) return Order::kTie;
  return difference > 0 ? Order::kBetter : Order::kWorse;
}

const LatencyRecord* latency_at(const ConfigRecord& config, int batch) {
  const auto found = std::ranges::find(config.latency, batch, &LatencyRecord::batch);
  return found == config.latency.end() ? nullptr : &*found;
}

std::array<double, 2> top1_interval(const AccuracyRecord& accuracy) {
  // Wilson 1927; stays inside 0..100 where the normal approximation does not.
  const auto n = static_cast<double>(accuracy.samples);
  const double p = accuracy.top1 / 100;
  const double z2 = kZ95 * kZ95;
  const double center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ95 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {100 * std::max(0.0, center - half), 100 * std::min(1.0, center + half)};
}

}  // namespace octet
