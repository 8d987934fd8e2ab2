#include <fmt/core.h>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/base/names.h"
#include "octet/cli/commands.h"
#include "octet/cli/console.h"
#include "octet/cli/json_output.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/cli/recipes.h"
#include "octet/cli/training_options.h"
#include "octet/cli/write_model.h"
#include "octet/onnx/onnx.h"
#include "octet/train/train.h"
#include "octet/zoo/zoo.h"

namespace octet::cli {
namespace {

struct TrainRequest {
  std::string model, data, output, compat;
  std::optional<std::string> from, checkpoint;
  int classes = 0, input_size = 0;
  std::optional<std::int64_t> limit;
  double validation_fraction = 0.1;
  bool resume = false;
  TrainingFlags flags;
};

/// The recipe of the traffic comparison: full batch, Adam, 15 steps from seed 42, no validation.
void use_torch_traffic_recipe(TrainOptions& options) {
  options.epochs = 15;
  options.batch = 0;
  options.optimizer = Optimizer::kAdam;
  options.lr = 1e-3f;
  options.weight_decay = 0.0f;
  options.schedule = Schedule::kConstant;
  options.shuffle = false;
  options.augmentation = {};
}

void print_epochs(const TrainResult& result) {
  fmt::print("{:>5} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "epoch", "loss", "train %", "val loss",
             "val %", "images/s");
  for (const EpochResult& epoch : result.epochs) {
    const std::string val_loss = epoch.has_validation ? fmt::format("{:.4f}", epoch.val_loss) : "-";
    const std::string val = epoch.has_validation ? fmt::format("{:.2f}", epoch.val_top1) : "-";
    fmt::print("{:>5} {:>10.4f} {:>10.2f} {:>10} {:>10} {:>10.0f}\n", epoch.epoch, epoch.train_loss,
               epoch.train_top1, val_loss, val, epoch.images_per_s);
  }
}

void run_train(TrainRequest& request, const GlobalOptions& global) {
  if (!request.compat.empty() && request.compat != "torch") {
    const std::vector<std::string> accepted{"torch"};
    fail_unknown_name("--compat", request.compat, accepted);
  }
  require_writable(request.output);
  const bool compat = request.compat == "torch";
  const bool replay = compat && request.model == "traffic_net" && request.data == "traffic";
  const DataSplits data =
      load(request.data, global, request.limit, compat ? 0.0 : request.validation_fraction);
  Graph model =
      request.from
          ? read_model(*request.from, global)
          : build_model(request.model, {.classes = request.classes > 0 ? request.classes
                                                                       : data.train.num_classes(),
                                        .input_size = request.input_size,
                                        .seed = replay ? 42 : global.seed});
  require_fits(model, data.train, request.from.value_or(request.model));
  TrainOptions options = default_training(request.model, data.train.sample_shape.rank());
  if (replay) use_torch_traffic_recipe(options);
  apply(request.flags, options);
  options.seed = global.seed;
  options.threads = thread_count(global);
  options.checkpoint = request.checkpoint.value_or(request.output + ".checkpoint");
  options.resume = request.resume;
  options.stop = &stop_requested();

  warn_about_slow_blas(global);
  const TrainResult result = train(model, data, options, training_progress(global, "train"));
  write_model(result.best, request.output, global);
  if (result.stopped) {
    note(global,
         "stopped; the best weights so far are in " + request.output + ", continue with --resume");
    throw CLI::RuntimeError(stop_exit_code());
  }
  if (!request.checkpoint) std::filesystem::remove(*options.checkpoint);
  const Graph written = read_model(request.output, global);
  const AccuracyRecord test =
      accuracy(predict_with_plan(written, data.test, global, "test"), data.test);
  if (global.json) {
    print_json(
        {{"model_file", request.output},
         {"best_epoch", result.best_epoch},
         {"epochs", to_json_document(result.epochs)},
         {"test", {{"samples", test.samples}, {"correct", test.correct}, {"top1", test.top1}}}});
    return;
  }
  print_epochs(result);
  fmt::print("best epoch {}; test: {} of {} correct, top-1 {:.4f} %\n", result.best_epoch,
             test.correct, test.samples, test.top1);
  fmt::print("wrote {}\n", request.output);
}

}  // namespace

void add_train(CLI::App& app, const Global& global) {
  auto request = std::make_shared<TrainRequest>();
  CLI::App* command = app.add_subcommand("train", "Train a float model");
  command->add_option("--model", request->model, "A model of the zoo")->default_val("small_cnn");
  command->add_option("--data", request->data, "A data set: see 'octet data list'")
      ->default_val("shapes10");
  command->add_option("--from", request->from, "Continue from the weights of this ONNX file");
  command->add_option("--classes", request->classes, "Number of classes (default: the data's)")
      ->check(CLI::Range(2, 10000));
  command->add_option("--input-size", request->input_size, "Height and width of the input");
  command->add_option("--limit", request->limit, "At most so many samples of each part")
      ->check(count_from_1());
  command
      ->add_option("--validation-fraction", request->validation_fraction,
                   "Share of the training part held out to choose the best epoch, where the "
                   "data set has no validation part of its own")
      ->check(number_in(0, 0.9));
  command->add_option("--compat", request->compat,
                      "torch: all training rows, no validation part; with traffic_net on traffic "
                      "replays PyTorch's full-batch run from seed 42");
  command->add_option("--checkpoint", request->checkpoint,
                      "Kept after training (default: OUT.checkpoint, removed at the end)");
  command->add_flag("--resume", request->resume, "Continue from the checkpoint");
  command->add_option("-o,--output", request->output, "The ONNX file to write")->required();
  add_training_flags(*command, request->flags);
  command->footer("Example:\n  octet train --model small_cnn --data cifar10 -o fp32.onnx");
  command->callback([request, global] { run_train(*request, *global); });
}

}  // namespace octet::cli
