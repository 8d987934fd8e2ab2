#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "octet/cli/global_options.h"
#include "octet/data/dataset.h"
#include "octet/eval/evaluate.h"
#include "octet/graph/graph.h"
#include "octet/quant/calibration.h"
#include "octet/runtime/plan.h"

// Where the modules meet: a model file becomes a classifier, a data set feeds it.

namespace octet::cli {

/// The preprocessing that the model's metadata demands, or the data's own where it says nothing.
Preprocessing preprocessing_of(const Graph& graph, const Dataset& data);
/// Error(kBadData) saying what differs if the data does not fit the model's input or classes.
void require_fits(const Graph& graph, const Dataset& data, const std::string& model_name);
/// Whether the answer depends on the rest of the batch: a dynamically quantized tensor takes its
/// range from all samples of a call. Such models are evaluated one sample at a time.
bool depends_on_batch(const Graph& graph);
/// `wanted`, or the batch that the graph fixes.
int usable_batch(const Graph& graph, int wanted);
/// Error(kBadData) if the graph fixes another batch.
void require_batch(const Graph& graph, int batch, const std::string& model_name);

/// Runs every sample of `data` through the compiled graph.
Predictions predict_with_plan(const Graph& graph, const Dataset& data, const GlobalOptions& global,
                              const std::string& task);

/// Feeds the first `samples` samples of `data` in stored order, without augmentation, to the
/// compiled float graph and reports every requested value.
ActivationSource calibration_source(const Graph& graph, const Dataset& data, int samples,
                                    const GlobalOptions& global);

/// Loads a data set with the command's options.
DataSplits load(const std::string& name, const GlobalOptions& global,
                std::optional<std::int64_t> limit = std::nullopt, double validation_fraction = 0.1);
/// One part by name: train, validation or test. Error(kUsage) otherwise.
const Dataset& part(const DataSplits& data, const std::string& split);

std::int64_t file_bytes(const std::filesystem::path& file);

}  // namespace octet::cli
