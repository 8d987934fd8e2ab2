#include <fmt/core.h>

#include <algorithm>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/cli/commands.h"
#include "octet/cli/console.h"
#include "octet/cli/json_output.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/cli/qat_text.h"
#include "octet/cli/recipes.h"
#include "octet/cli/training_options.h"
#include "octet/cli/write_model.h"
#include "octet/onnx/onnx.h"
#include "octet/train/qat.h"

namespace octet::cli {
namespace {

struct QatRequest {
  std::string model, config = "qat_int8", data, output;
  int samples = 256;
  double freeze_observers = 0.75;
  std::optional<std::int64_t> limit;
  TrainingFlags flags;
};

void run_qat(const QatRequest& request, const GlobalOptions& global) {
  const QuantSpec spec = parse_config(request.config);
  if (spec.scheme != Scheme::kQat && spec.scheme != Scheme::kStatic) {
    fail(ErrorKind::kUsage, "--config ", request.config,
         ": not a configuration with fixed activation scales; accepted: qat_int8, static_*");
  }
  require_writable(request.output);
  const Graph model = read_model(request.model, global);
  const DataSplits data = load(request.data, global, request.limit);
  require_fits(model, data.train, request.model);
  const auto name = model.metadata.find("octet.model");
  QatOptions options =
      default_qat(name == model.metadata.end() ? "" : name->second, data.train.sample_shape.rank());
  apply(request.flags, options.train);
  options.train.seed = global.seed;
  options.train.threads = thread_count(global);
  options.train.stop = &stop_requested();
  options.calibration_samples = request.samples;
  options.freeze_observers = request.freeze_observers;

  warn_about_slow_blas(global);
  const QatResult result =
      fine_tune_quantized(model, spec, data, options, training_progress(global, "qat"));
  write_model(result.quantized, request.output, global);
  if (result.stopped) throw CLI::RuntimeError(stop_exit_code());
  const AccuracyRecord test = accuracy(
      predict_with_plan(read_model(request.output, global), data.test, global, "test"), data.test);
  if (global.json) {
    print_json(
        {{"model_file", request.output},
         {"epochs", to_json_document(result.epochs)},
         {"changed_weights", result.changed_weights},
         {"total_weights", result.total_weights},
         {"test", {{"samples", test.samples}, {"correct", test.correct}, {"top1", test.top1}}}});
    return;
  }
  fmt::print("prepared model (observers before training):\n{}\nconverted model:\n{}\n",
             to_text(result.prepared), to_text(result.converted));
  for (const EpochResult& epoch : result.epochs) {
    fmt::print("epoch {}: loss {:.4f}, fake-quantized validation top-1 {:.2f} %\n", epoch.epoch,
               epoch.train_loss, epoch.val_top1);
  }
  fmt::print("{} of {} integer weights differ from post-training quantization\n",
             result.changed_weights, result.total_weights);
  fmt::print("integer model, test: {} of {} correct, top-1 {:.4f} %\nwrote {}\n", test.correct,
             test.samples, test.top1, request.output);
}

}  // namespace

std::string to_text(const std::vector<FakeQuantInfo>& tensors) {
  std::string text;
  for (const FakeQuantInfo& t : tensors) {
    const auto [low, high] = std::minmax_element(t.scale.begin(), t.scale.end());
    const std::string scale = t.scale.size() == 1 ? fmt::format("{:.8g}", t.scale[0])
                                                  : fmt::format("{:.8g}..{:.8g} ({} channels)",
                                                                *low, *high, t.scale.size());
    text +=
        fmt::format("  {}: {} {}int{} range [{:.6g}, {:.6g}] scale {} zero_point {}\n", t.name,
                    t.is_weight ? "weight" : "activation", t.is_weight ? "" : "u", t.bits,
                    t.range.min, t.range.max, scale, t.zero_point.empty() ? 0 : t.zero_point[0]);
  }
  return text;
}

void add_qat(CLI::App& app, const Global& global) {
  auto request = std::make_shared<QatRequest>();
  CLI::App* command =
      app.add_subcommand("qat", "Quantization-aware fine-tuning of a trained float model");
  command->add_option("model", request->model, "The trained float ONNX model")->required();
  command->add_option("--config", request->config, "qat_int8 or static_w{2..8}a{4..8}");
  command->add_option("--data", request->data, "Data set to fine-tune on")->required();
  command
      ->add_option("--calib-samples", request->samples,
                   "Training samples that initialize the observers")
      ->check(CLI::Range(1, 1 << 24));
  command
      ->add_option("--freeze-observers", request->freeze_observers,
                   "Share of the steps after which ranges stay fixed")
      ->check(number_in(0, 1));
  command->add_option("--limit", request->limit, "At most so many samples of each part")
      ->check(count_from_1());
  command->add_option("-o,--output", request->output, "The ONNX file to write")->required();
  add_training_flags(*command, request->flags);
  command->footer("Example:\n  octet qat fp32.onnx --data cifar10 --epochs 1 -o qat.onnx");
  command->callback([request, global] { run_qat(*request, *global); });
}

}  // namespace octet::cli
