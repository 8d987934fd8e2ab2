#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "octet/cli/global_options.h"
#include "octet/train/train.h"

namespace octet::cli {

/// What a user may change of a recipe; unset fields keep the recipe's value.
struct TrainingFlags {
  std::optional<int> epochs, batch, step_epochs;
  std::optional<float> lr, momentum, weight_decay;
  std::optional<std::string> optimizer, schedule;
  bool no_augment = false;
  std::string device = "cpu";
};

void add_training_flags(CLI::App& command, TrainingFlags& flags);
/// Applies the flags. Error(kUsage) for a value that makes no sense.
void apply(const TrainingFlags& flags, TrainOptions& options);

/// A note if libtorch multiplies matrices with the reference BLAS.
void warn_about_slow_blas(const GlobalOptions& global);

/// Whether octet-train.so, the part that uses libtorch, lies where this program looks for it.
bool can_train();
/// Error(kUnsupported) if it does not.
void require_training();

}  // namespace octet::cli
