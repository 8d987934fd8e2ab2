#include "octet/cli/recipes.h"

namespace octet::cli {
namespace {

bool is_multilayer_perceptron(const std::string& model) {
  return model == "traffic_net" || model == "mnist_mlp";
}

}  // namespace

TrainOptions default_training(const std::string& model, int sample_rank) {
  TrainOptions options;
  if (model == "traffic_net") {
    options.epochs = 60;
    options.batch = 64;
    options.optimizer = Optimizer::kAdam;
    options.lr = 1e-3f;
    options.schedule = Schedule::kConstant;
    return options;
  }
  if (model == "mnist_mlp") {
    options.epochs = 3;
    options.batch = 10;
    options.optimizer = Optimizer::kAdam;
    options.lr = 1e-3f;
    return options;
  }
  options.epochs = 5;
  options.batch = 128;
  options.lr = 0.05f;
  options.weight_decay = 5e-4f;
  if (sample_rank == 3) options.augmentation = {.crop_padding = 4, .horizontal_flip = true};
  return options;
}

QatOptions default_qat(const std::string& model, int sample_rank) {
  QatOptions options;
  if (is_multilayer_perceptron(model)) {
    options.train.optimizer = Optimizer::kAdam;
    options.train.batch = model == "mnist_mlp" ? 10 : 64;
    options.train.epochs = model == "mnist_mlp" ? 1 : 20;
    options.train.lr = 1e-4f;
  } else if (sample_rank == 3) {
    options.train.augmentation = {.crop_padding = 4, .horizontal_flip = true};
    options.train.schedule = Schedule::kCosine;  // from QatOptions' 1e-4
  }
  return options;
}

}  // namespace octet::cli
