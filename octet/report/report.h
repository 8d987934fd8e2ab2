#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "octet/base/result_record.h"

namespace octet {

/// A configuration's place in the frontier over file size (less is better), p50 at batch 1 (less)
/// and top-1 (more).
struct ParetoPoint {
  std::string name;
  bool optimal = false;
  std::vector<std::string> ties;  ///< those that tie with it in latency and in accuracy
};

/// A is dominated by B if B is not worse in any figure and better, beyond noise, in at least one.
/// Noise: two latencies tie while their 95 % intervals overlap; two accuracies tie while the paired
/// test against the baseline, or without it the 95 % interval of the difference (compare.h), does
/// not separate them.
/// Ties are not transitive, so unless it is beaten in every figure, only what is itself optimal
/// pushes a configuration off the frontier.
/// Error(kBadData) naming the configuration if a figure is missing or not finite.
std::vector<ParetoPoint> pareto_frontier(const RunRecord& run);

/// Writes results.json, pareto.md and report.html into `folder`, all or nothing each.
void write_report(const RunRecord& run, const std::filesystem::path& folder);
/// Reads results.json back. Error(kBadData) naming the key that is missing or of the wrong type.
RunRecord read_results(const std::filesystem::path& file);

std::string to_json(const RunRecord& run);
std::string to_markdown(const RunRecord& run);
/// One file that opens offline: no request leaves it, names from models are escaped.
std::string to_html(const RunRecord& run);
/// The frontier as a table for a terminal.
std::string to_text(const RunRecord& run);

}  // namespace octet
