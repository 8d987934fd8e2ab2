#pragma once

#include <string>

#include "octet/train/qat.h"
#include "octet/train/train.h"

namespace octet::cli {

/// The training that is customary for a model, before the user's options. `sample_rank` tells
/// images (3) from table rows (1).
TrainOptions default_training(const std::string& model, int sample_rank);
/// Fine-tuning of the same model under fake quantization.
QatOptions default_qat(const std::string& model, int sample_rank);

}  // namespace octet::cli
