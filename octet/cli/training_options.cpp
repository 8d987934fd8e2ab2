#include "octet/cli/training_options.h"

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/cli/console.h"
#include "octet/cli/option_checks.h"

namespace octet::cli {
namespace {

Optimizer parse_optimizer(const std::string& name) {
  if (name == "sgd") return Optimizer::kSgd;
  if (name == "adam") return Optimizer::kAdam;
  const std::vector<std::string> accepted{"sgd", "adam"};
  fail_unknown_name("optimizer", name, accepted);
}

Schedule parse_schedule(const std::string& name) {
  if (name == "constant") return Schedule::kConstant;
  if (name == "cosine") return Schedule::kCosine;
  if (name == "step") return Schedule::kStep;
  const std::vector<std::string> accepted{"constant", "cosine", "step"};
  fail_unknown_name("schedule", name, accepted);
}

}  // namespace

void add_training_flags(CLI::App& command, TrainingFlags& flags) {
  command.add_option("--epochs", flags.epochs, "Passes over the training data")
      ->check(CLI::Range(1, 100000));
  command.add_option("--batch", flags.batch, "Samples per step; 0: the whole set in one step")
      ->check(CLI::Range(0, 1 << 20));
  command.add_option("--lr", flags.lr, "Learning rate")->check(number_above_0());
  command.add_option("--optimizer", flags.optimizer, "sgd or adam");
  command.add_option("--momentum", flags.momentum, "Of sgd")->check(number_in(0, 1));
  command.add_option("--weight-decay", flags.weight_decay, "L2 penalty")->check(number_from_0());
  command.add_option("--schedule", flags.schedule, "constant, cosine or step");
  command.add_option("--step-epochs", flags.step_epochs, "Epochs between steps of --schedule step")
      ->check(CLI::Range(1, 100000));
  command.add_flag("--no-augment", flags.no_augment, "No random crops and flips");
  command.add_option("--device", flags.device, "cpu or cuda");
}

void apply(const TrainingFlags& flags, TrainOptions& options) {
  if (flags.optimizer) {
    const Optimizer wanted = parse_optimizer(*flags.optimizer);
    if (wanted != options.optimizer) {
      // The recipe's rate was chosen for the other optimizer.
      options.lr = wanted == Optimizer::kAdam ? 1e-3f : 0.05f;
      options.optimizer = wanted;
    }
  }
  if (flags.epochs) options.epochs = *flags.epochs;
  if (flags.batch) options.batch = *flags.batch;
  if (flags.lr) options.lr = *flags.lr;
  if (flags.momentum) options.momentum = *flags.momentum;
  if (flags.weight_decay) options.weight_decay = *flags.weight_decay;
  if (flags.schedule) options.schedule = parse_schedule(*flags.schedule);
  if (flags.step_epochs) options.step_epochs = *flags.step_epochs;
  if (flags.no_augment) options.augmentation = {};
  if (flags.device != "cpu" && flags.device != "cuda") {
    const std::vector<std::string> accepted{"cpu", "cuda"};
    fail_unknown_name("device", flags.device, accepted);
  }
  options.device = flags.device;
}

void warn_about_slow_blas(const GlobalOptions& global) {
  const BlasInfo blas = blas_info();
  if (blas.is_reference) {
    note(global, "warning: libtorch uses the reference BLAS (" + blas.library +
                     "); training is many times slower than with OpenBLAS: apt-get install "
                     "libopenblas0-openmp");
  }
}

}  // namespace octet::cli
