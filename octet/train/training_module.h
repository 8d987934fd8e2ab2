#pragma once

#include <cstddef>

#include "octet/train/qat.h"
#include "octet/train/train.h"

namespace octet {

/// The functions of this folder as a table. `octet-train.so` exports it, so that a program loads
/// libtorch (150 MB, 0.4 s) when it trains and not when it starts.
struct TrainingModule {
  std::size_t interface;  ///< kTrainingInterface of the build that made the module
  decltype(&octet::train) train;
  decltype(&octet::fine_tune_quantized) fine_tune_quantized;
  decltype(&octet::blas_info) blas_info;
};

/// A fingerprint of the layouts that cross the table: program and module of different builds must
/// not meet.
inline constexpr std::size_t kTrainingInterface = [] {
  std::size_t fingerprint = 1;
  for (const std::size_t size : {sizeof(Graph), sizeof(DataSplits), sizeof(TrainOptions),
                                 sizeof(TrainResult), sizeof(QuantSpec), sizeof(QatOptions),
                                 sizeof(QatResult), sizeof(FakeQuantInfo), sizeof(EpochResult)}) {
    fingerprint = fingerprint * 1000003 + size;
  }
  return fingerprint;
}();

/// The one exported symbol, looked up by its name.
inline constexpr const char* kTrainingModuleSymbol = "octet_training_module";
extern "C" const TrainingModule* octet_training_module();

}  // namespace octet
