#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace octet {

// What a run measured. Written once by the code that measured it, read by report/, which never
// measures. A figure that was not measured is absent (nullopt or a missing key), never 0 or NaN.

/// The machine and program that produced the figures.
struct Environment {
  std::string cpu;
  std::string isa;
  int cores = 0;
  int threads = 0;
  double clock_ghz = 0;  ///< measured by a dependent-add loop, not read from a table
  std::string compiler;
  std::string commit;
  std::string os;
  std::string date_utc;  ///< ISO 8601
};

/// Latency of one model at one batch size, in milliseconds per call.
struct LatencyRecord {
  int batch = 1;
  int threads = 1;
  int rounds = 0;
  double p50_ms = 0, p95_ms = 0, p99_ms = 0, mean_ms = 0;
  std::array<double, 2> ci95_ms{};  ///< bootstrap interval of the median
  double speedup = 1;               ///< median over rounds of (first model / this model)
  std::array<double, 2> speedup_ci95{};
};

/// Accuracy in percent, 0..100.
struct AccuracyRecord {
  std::string data;
  std::string split;
  std::int64_t samples = 0;
  std::int64_t correct = 0;
  double top1 = 0;
  double top5 = 0;
  double loss = 0;
  std::map<std::string, double> per_class;
  // Against a reference model on the same samples:
  std::optional<double> agreement;
  std::optional<double> mcnemar_p;
  std::optional<double> top1_drop_pp;
};

/// One configuration of a run: one model file and everything measured on that file.
struct ConfigRecord {
  std::string name;
  std::string model_file;
  std::string description;
  std::optional<AccuracyRecord> accuracy;
  std::vector<LatencyRecord> latency;  ///< one entry per batch size
  std::optional<std::int64_t> file_bytes;
  std::optional<std::int64_t> weight_bytes;
  std::optional<std::int64_t> arena_bytes;
  std::optional<std::int64_t> peak_rss_bytes;  ///< of a fresh process that ran only this model
};

/// A whole run: `results.json`.
struct RunRecord {
  std::string title;
  std::string model;
  std::string data;
  std::uint64_t seed = 0;
  std::string command;  ///< that made the run, as it was typed
  Environment environment;
  std::vector<ConfigRecord> configs;  ///< the first one is the baseline of ratios
};

}  // namespace octet
