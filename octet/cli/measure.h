#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "octet/base/result_record.h"
#include "octet/bench/latency.h"
#include "octet/cli/global_options.h"
#include "octet/cli/model_inputs.h"
#include "octet/data/dataset.h"
#include "octet/graph/graph.h"
#include "octet/quant/calibration.h"
#include "octet/quant/quant_assignment.h"

namespace octet::cli {

/// A quantized graph and what a person wants to know of how it came about.
struct QuantizedModel {
  Graph graph;
  std::string prepared;   ///< observers and their ranges; empty for dynamic and float
  std::string converted;  ///< scale, zero point and dtype per layer
  int raised_scales = 0;  ///< weight scales raised so that the int32 bias fits
};

/// Feeds the calibration of a graph, which outlives it.
using SourceOf = std::function<ActivationSource(const Graph& graph)>;

/// Post-training quantization of a float model under `spec`, calibrated by what `source_of` feeds
/// the prepared graph.
QuantizedModel quantize_model(const Graph& model, const QuantSpec& spec, const SourceOf& source_of,
                              const GlobalOptions& global);
/// Post-training quantization of a float model under `spec`, calibrated on the first `samples`
/// training samples.
QuantizedModel quantize_model(const Graph& model, const QuantSpec& spec, const Dataset& train,
                              int samples, const GlobalOptions& global);

struct BenchRequest {
  std::vector<std::filesystem::path> files;
  std::vector<int> batches{1, 8, 32};
  LatencyOptions latency;
  bool memory = true;  ///< peak RSS of a fresh process per model
  ModelInputs inputs;  ///< of every model
};

/// Latency, sizes and memory of every file: all models interleaved, each first proven equal to
/// the reference kernels. Records carry the file's stem as name and no accuracy.
std::vector<ConfigRecord> bench_models(const BenchRequest& request, const GlobalOptions& global);

}  // namespace octet::cli
