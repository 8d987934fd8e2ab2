#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "octet/report/compare.h"
#include "octet/report/report.h"
#include "octet/report/summary.h"

namespace octet {
namespace {

using Row = std::array<std::string, 9>;
const Row kHeader = {"config",  "size KB", "ratio",   "p50 ms",  "95 % interval",
                     "speedup", "top-1 %", "drop pp", "frontier"};

/// Names come from models: a control character could drive the terminal.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

Row row_of(const RunRecord& run, const ConfigRecord& config, bool optimal) {
  const LatencyRecord& latency = *latency_at(config, 1);
  const AccuracyRecord& accuracy = *config.accuracy;
  const std::optional<double> ratio = size_ratio(run, config);
  return {printable(config.name),
          fmt::format("{:.1f}", static_cast<double>(*config.file_bytes) / 1024),
          ratio ? fmt::format("{:.3f}", *ratio) : "-",
          milliseconds(latency.p50_ms),
          milliseconds(latency.ci95_ms[0]) + ".." + milliseconds(latency.ci95_ms[1]),
          fmt::format("{:.2f}x", latency.speedup),
          fmt::format("{:.2f}", accuracy.top1),
          accuracy.top1_drop_pp ? fmt::format("{:.2f}", *accuracy.top1_drop_pp) : "-",
          optimal ? "*" : ""};
}

}  // namespace

std::string to_text(const RunRecord& run) {
  const std::vector<ParetoPoint> points = pareto_frontier(run);
  std::vector<Row> rows = {kHeader};
  for (std::size_t i = 0; i < points.size(); ++i) {
    rows.push_back(row_of(run, run.configs[i], points[i].optimal));
  }
  std::array<std::size_t, kHeader.size()> width{};
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], width[0]);
    for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:>{}}", row[c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
    if (&row == &rows.front()) out += std::string(line.size(), '-') + '\n';
  }
  // The highest figure of the table may be off the frontier: level within noise, but larger.
  out += "\nbest of the frontier, figures within noise being level:\n";
  for (const Pick& pick : picks(run)) {
    std::string ties;
    if (!pick.ties.empty()) ties = fmt::format("; level: {}", fmt::join(pick.ties, ", "));
    out +=
        printable(fmt::format("{:<14} {} ({}){}", pick.what, pick.name, pick.figure, ties)) + '\n';
  }
  return out;
}

}  // namespace octet
