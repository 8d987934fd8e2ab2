#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "octet/report/compare.h"
#include "octet/report/report.h"
#include "octet/report/summary.h"

namespace octet {
namespace {

/// Names come from models: they must neither end a table cell nor open an HTML tag.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '[' || c == ']') {
      out += '\\';
      out += c;
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string number_or_na(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "n/a";
}

std::optional<double> scaled(const std::optional<std::int64_t>& bytes, double unit) {
  if (!bytes) return std::nullopt;
  return static_cast<double>(*bytes) / unit;
}

constexpr double kKilo = 1024, kMega = 1024.0 * 1024;

std::string frontier_table(const RunRecord& run, const std::vector<ParetoPoint>& points) {
  std::string out =
      "| config | size_kb | size_ratio | p50_lat_ms_b1 | latency_speedup | top1_acc | acc_drop_pp "
      "| mem_peak_mb | pareto_optimal |\n"
      "|---|--:|--:|--:|--:|--:|--:|--:|:-:|\n";
  for (std::size_t i = 0; i < run.configs.size(); ++i) {
    const ConfigRecord& config = run.configs[i];
    const LatencyRecord& latency = *latency_at(config, 1);
    fmt::format_to(
        std::back_inserter(out), "| {} | {} | {} | {} | {:.2f} | {:.2f} | {} | {} | {} |\n",
        cell(config.name), number_or_na(scaled(config.file_bytes, kKilo), 1),
        number_or_na(size_ratio(run, config), 3), milliseconds(latency.p50_ms), latency.speedup,
        config.accuracy->top1, number_or_na(config.accuracy->top1_drop_pp, 2),
        number_or_na(scaled(config.peak_rss_bytes, kMega), 1), points[i].optimal ? "yes" : "no");
  }
  return out;
}

std::string pick_list(const RunRecord& run) {
  std::string out;
  for (const Pick& pick : picks(run)) {
    fmt::format_to(std::back_inserter(out), "- {}: {} ({})", pick.what, cell(pick.name),
                   pick.figure);
    if (!pick.ties.empty()) {
      std::vector<std::string> names;
      for (const std::string& name : pick.ties) names.push_back(cell(name));
      fmt::format_to(std::back_inserter(out), "; level with it: {}", fmt::join(names, ", "));
    }
    out += '\n';
  }
  return out;
}

std::string latency_table(const RunRecord& run) {
  const std::vector<int> batches = batch_sizes(run);
  std::string out = "| config |";
  for (const int batch : batches) fmt::format_to(std::back_inserter(out), " batch {} |", batch);
  out += "\n|---|";
  for (std::size_t i = 0; i < batches.size(); ++i) out += "--:|";
  out += '\n';
  for (const ConfigRecord& config : run.configs) {
    fmt::format_to(std::back_inserter(out), "| {} |", cell(config.name));
    for (const int batch : batches) {
      const LatencyRecord* latency = latency_at(config, batch);
      if (latency == nullptr) {
        out += " n/a |";
        continue;
      }
      fmt::format_to(std::back_inserter(out), " {} [{}, {}] |", milliseconds(latency->p50_ms),
                     milliseconds(latency->ci95_ms[0]), milliseconds(latency->ci95_ms[1]));
    }
    out += '\n';
  }
  return out;
}

std::string memory_table(const RunRecord& run) {
  std::string out =
      "| config | weight_kb | file_kb | arena_kb | peak_rss_mb |\n|---|--:|--:|--:|--:|\n";
  for (const ConfigRecord& config : run.configs) {
    fmt::format_to(std::back_inserter(out), "| {} | {} | {} | {} | {} |\n", cell(config.name),
                   number_or_na(scaled(config.weight_bytes, kKilo), 1),
                   number_or_na(scaled(config.file_bytes, kKilo), 1),
                   number_or_na(scaled(config.arena_bytes, kKilo), 1),
                   number_or_na(scaled(config.peak_rss_bytes, kMega), 1));
  }
  return out;
}

std::string machine_list(const Environment& e) {
  return fmt::format(
      "- cpu: {} ({} cores, {:.2f} GHz measured)\n- isa: {}, threads: {}\n- compiler: {}\n"
      "- commit: {}\n- os: {}\n- date: {}\n",
      cell(e.cpu), e.cores, e.clock_ghz, cell(e.isa), e.threads, cell(e.compiler), cell(e.commit),
      cell(e.os), cell(e.date_utc));
}

}  // namespace

std::string to_markdown(const RunRecord& run) {
  const std::vector<ParetoPoint> points = pareto_frontier(run);
  const AccuracyRecord& accuracy = *run.configs.front().accuracy;
  return fmt::format(
      "# {}\n\nModel {} on {}, seed {}, {} test samples. The frontier is over file size, p50 at "
      "batch 1 and top-1;\na difference within noise counts as a tie.\n\n{}\n## Best of the "
      "frontier\n\n{}\n"
      "## Latency\n\np50 in ms with its 95 % interval.\n\n{}\n## Size and memory\n\n{}\n"
      "## Machine\n\n{}",
      cell(run.title), cell(run.model), cell(run.data), run.seed, accuracy.samples,
      frontier_table(run, points), pick_list(run), latency_table(run), memory_table(run),
      machine_list(run.environment));
}

}  // namespace octet
