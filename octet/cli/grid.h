#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "octet/base/result_record.h"
#include "octet/cli/global_options.h"

namespace octet::cli {

struct GridRequest {
  std::vector<std::string> models;   ///< of the zoo, with freshly drawn weights
  std::vector<std::string> configs;  ///< empty: every one that needs no training
  std::filesystem::path output;
  int input_size = 0;  ///< 0: each model's customary one
  int calibration_samples = 16;
  int rounds = 20;
};

/// One model in one configuration. A figure that could not be measured is absent.
struct GridCell {
  std::string model, config, file;
  std::optional<std::int64_t> file_bytes;
  std::optional<double> size_ratio;    ///< of files, to fp32_baseline's
  std::optional<double> weight_ratio;  ///< of weights with their scales
  std::optional<double> p50_ms, speedup;
  std::vector<std::string> float_layers;  ///< Conv, Gemm and MatMul that stay in float
  std::uint64_t content_hash = 0;         ///< of the file
};

struct Grid {
  std::vector<GridCell> cells;
  std::vector<std::string> broken;  ///< what the structural gates found
  Environment environment;
};

/// Builds every model, writes it in every configuration, runs what was written, and holds the
/// structural gates against it: every cell there and every figure finite, static weights at most
/// kMaxStaticWeightRatio of the float ones, no two configurations of a model the same file. There
/// is no accuracy: weights are random, calibration inputs are drawn from N(0, 1).
Grid run_grid(const GridRequest& request, const GlobalOptions& global);

inline constexpr double kMaxStaticWeightRatio = 0.27;

/// The gates alone: what is wrong with these cells of `models` x `configs`.
std::vector<std::string> broken_gates(const std::vector<GridCell>& cells,
                                      const std::vector<std::string>& models,
                                      const std::vector<std::string>& configs);

/// grid.json and grid.md.
void write_grid(const Grid& grid, const std::filesystem::path& folder);
std::string to_text(const Grid& grid);
std::string to_json(const Grid& grid);

}  // namespace octet::cli
