#include "octet/train/training_module.h"

namespace octet {

extern "C" __attribute__((visibility("default"))) const TrainingModule* octet_training_module() {
  static const TrainingModule module{kTrainingInterface, &train, &fine_tune_quantized, &blas_info};
  return &module;
}

}  // namespace octet
