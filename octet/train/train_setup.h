#pragma once

#include <cstdint>
#include <vector>

#include "octet/data/dataset.h"
#include "octet/graph/graph.h"
#include "octet/train/checkpoint.h"
#include "octet/train/train.h"

// Internal to train/: everything that is decided and checked before the first step.

namespace octet {

/// Constants that training updates (weights, biases, batch norm's scale and shift), and the running
/// statistics, in execution order.
struct TrainableValues {
  std::vector<ValueId> parameters;
  std::vector<ValueId> statistics;
};
/// Error(kBadData) if there is nothing to train.
TrainableValues trainable_values(const Graph& graph);

/// Error(kUsage) for options out of range, Error(kCannotCreate) for an unwritable checkpoint.
void require_valid(const TrainOptions& options, bool has_batch_norm);
/// Error(kBadData) if the graph's input, its output and the labels do not fit each other.
void require_fit(const Graph& graph, const DataSplits& data);

/// The model's own preprocessing, or the data's.
Preprocessing preprocessing_of(const Graph& graph, const Dataset& data);
/// Writes preprocessing and class names into the metadata.
void describe_data(Graph& graph, const Dataset& data, const Preprocessing& preprocessing);

Fingerprint fingerprint_of(const Graph& graph, const DataSplits& data, const TrainOptions& options);

/// Steps per epoch. A last batch of one sample is left out if the network has batch norm.
std::int64_t steps_per_epoch(std::int64_t samples, int batch, bool has_batch_norm);

}  // namespace octet
