#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "octet/base/result_record.h"
#include "octet/bench/latency.h"
#include "octet/cli/global_options.h"
#include "octet/cli/training_options.h"

namespace octet::cli {

struct PipelineRequest {
  std::string model = "small_cnn", data = "shapes10";
  std::optional<std::string> from;  ///< a trained model instead of training one
  std::filesystem::path output;
  std::vector<std::string> configs;  ///< empty: the named configurations of this build
  bool tiny = false;                 ///< one short pass over a few samples
  bool equal_budget = false;         ///< a float model fine-tuned for the same steps beside QAT
  std::optional<int> qat_epochs;
  int calibration_samples = 256;
  int input_size = 0;
  std::vector<int> batches{1, 8, 32};
  LatencyOptions latency;
  TrainingFlags training;
};

/// The main job: train or load, quantize every configuration, fine-tune QAT, write each model,
/// then evaluate and time what was written. Writes the models and the report into the output
/// folder and returns the record of the run.
RunRecord run_pipeline(const PipelineRequest& request, const GlobalOptions& global);

}  // namespace octet::cli
