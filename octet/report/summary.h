#pragma once

#include <optional>
#include <string>
#include <vector>

#include "octet/report/report.h"

namespace octet {

/// The best of the frontier in one respect, and who is level with it within noise.
struct Pick {
  std::string what;  ///< "smallest", "most accurate", "fastest"
  std::string name;
  std::string figure;  ///< with its unit: "74.2 KB"
  std::vector<std::string> ties;
};

std::vector<Pick> picks(const RunRecord& run);

/// file_bytes over the baseline's, or absent where one of the two was not measured.
std::optional<double> size_ratio(const RunRecord& run, const ConfigRecord& config);
/// A latency with four significant digits, so that microseconds still mean something: "0.0003121".
std::string milliseconds(double value_ms);
/// Batch sizes that any configuration was timed at, ascending.
std::vector<int> batch_sizes(const RunRecord& run);

}  // namespace octet
