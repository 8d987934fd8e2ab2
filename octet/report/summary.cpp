#include "octet/report/summary.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "octet/report/compare.h"

namespace octet {
namespace {

struct Criterion {
  const char* what;
  double (*cost)(const Figures&);  ///< less is better
  Order (*compare)(const Figures&, const Figures&);
  std::string (*format)(const Figures&);
};

constexpr Criterion kCriteria[] = {
    {"smallest", [](const Figures& f) { return f.file_bytes; }, compare_size,
     [](const Figures& f) { return fmt::format("{:.1f} KB", f.file_bytes / 1024); }},
    {"most accurate", [](const Figures& f) { return -f.top1; }, compare_accuracy,
     [](const Figures& f) { return fmt::format("{:.2f} %", f.top1); }},
    {"fastest", [](const Figures& f) { return f.p50_ms; }, compare_latency,
     [](const Figures& f) { return milliseconds(f.p50_ms) + " ms"; }},
};

/// Of two that cost the same to the last digit the more accurate comes first.
std::pair<double, double> rank(const Criterion& criterion, const Figures& figures) {
  return {criterion.cost(figures), -figures.top1};
}

}  // namespace

std::string milliseconds(double value_ms) {
  return value_ms < 1000 ? fmt::format("{:#.4g}", value_ms) : fmt::format("{:.0f}", value_ms);
}

std::vector<Pick> picks(const RunRecord& run) {
  const std::vector<ParetoPoint> points = pareto_frontier(run);
  const std::vector<Figures> figures = require_figures(run);
  std::vector<Pick> result;
  for (const Criterion& criterion : kCriteria) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!points[i].optimal) continue;
      if (!best || rank(criterion, figures[i]) < rank(criterion, figures[*best])) best = i;
    }
    Pick pick{criterion.what, points.at(best.value()).name, criterion.format(figures[*best]), {}};
    for (std::size_t i = 0; i < points.size(); ++i) {
      const bool other = points[i].optimal && i != *best;
      if (other && criterion.compare(figures[i], figures[*best]) == Order::kTie) {
        pick.ties.push_back(points[i].name);
      }
    }
    result.push_back(std::move(pick));
  }
  return result;
}

std::optional<double> size_ratio(const RunRecord& run, const ConfigRecord& config) {
  const std::optional<std::int64_t> baseline = run.configs.front().file_bytes;
  if (!baseline || *baseline <= 0 || !config.file_bytes) return std::nullopt;
  return static_cast<double>(*config.file_bytes) / static_cast<double>(*baseline);
}

std::vector<int> batch_sizes(const RunRecord& run) {
  std::set<int> batches;
  for (const ConfigRecord& config : run.configs) {
    for (const LatencyRecord& latency : config.latency) batches.insert(latency.batch);
  }
  return {batches.begin(), batches.end()};
}

}  // namespace octet
