#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "octet/data/dataset.h"
#include "octet/graph/graph.h"

namespace octet {

enum class Optimizer { kSgd, kAdam };
enum class Schedule { kConstant, kCosine, kStep };

struct TrainOptions {
  int epochs = 5;
  int batch = 128;  ///< 0: the whole training set in one step
  Optimizer optimizer = Optimizer::kSgd;
  float lr = 0.05f;
  float momentum = 0.9f;
  bool nesterov = true;
  float weight_decay = 0.0f;
  Schedule schedule = Schedule::kCosine;  ///< stepped per epoch; cosine reaches 0 after the last
  int step_epochs = 30;                   ///< kStep: lr is multiplied by step_gamma this often
  float step_gamma = 0.1f;
  Augmentation augmentation;
  bool shuffle = true;
  std::uint32_t seed = 1;
  int threads = 0;             ///< 0: the cores this process may use
  std::string device = "cpu";  ///< "cpu" or "cuda"; Error(kUnsupported) where libtorch lacks it
  std::optional<std::filesystem::path> checkpoint;  ///< written after every epoch and on a stop
  bool resume = false;  ///< continue from `checkpoint`; the result is bit-identical to no stop
  const std::atomic<bool>* stop = nullptr;  ///< set by a signal: finish the batch, save, return
};

struct TrainProgress {
  int epoch = 0, epochs = 0;
  int step = 0, steps = 0;  ///< within the epoch
  double loss = 0;          ///< running mean of the epoch
  double accuracy = 0;      ///< running, percent
  double images_per_s = 0;
};
using ProgressSink = std::function<void(const TrainProgress&)>;

struct EpochResult {
  int epoch = 0;
  double train_loss = 0;
  double train_top1 = 0;
  double val_loss = 0;  ///< absent data: NaN is never written; see `has_validation`
  double val_top1 = 0;
  double lr = 0;
  double images_per_s = 0;
  bool has_validation = false;
};

struct TrainResult {
  Graph best;  ///< weights of the best epoch on validation data (the last one without it)
  int best_epoch = 0;
  std::vector<EpochResult> epochs;
  bool stopped = false;  ///< by the stop flag; `best` is what there was until then
};

/// Trains every float parameter of `graph` (weights, biases, batch norm) with cross entropy on its
/// first output, executing the Graph on libtorch. The model's preprocessing comes from
/// graph.metadata and is the data's own if absent; it is written to the result's metadata.
/// Error(kBadData) if shapes or class counts do not fit the data, Error(kUnsupported) for an op
/// that training lacks.
TrainResult train(const Graph& graph, const DataSplits& data, const TrainOptions& options,
                  const ProgressSink& progress = {});

/// Which BLAS libtorch uses: its name, and whether it is the slow reference implementation.
struct BlasInfo {
  std::string library;
  bool is_reference = false;
};
BlasInfo blas_info();

}  // namespace octet
