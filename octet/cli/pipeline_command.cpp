#include <fmt/core.h>

#include <algorithm>

#include "octet/base/error.h"
#include "octet/cli/commands.h"
#include "octet/cli/grid.h"
#include "octet/cli/pipeline.h"
#include "octet/report/report.h"

namespace octet::cli {
namespace {

/// --grid: structure, size and speed of many models, instead of one model's frontier.
void run_grid_command(const std::vector<std::string>& models, const PipelineRequest& request,
                      const GlobalOptions& global) {
  GridRequest grid{.models = models,
                   .configs = request.configs,
                   .output = request.output,
                   .input_size = request.input_size};
  if (request.tiny) grid.rounds = 5;
  const Grid result = run_grid(grid, global);
  write_grid(result, request.output);
  if (global.json) {
    fmt::print("{}", to_json(result));
  } else {
    fmt::print("{}\nreport: {}\n", to_text(result), (request.output / "grid.md").string());
  }
  if (!result.broken.empty()) throw CLI::RuntimeError(1);
}

void run(PipelineRequest& request, const GlobalOptions& global) {
  if (std::ranges::find(request.batches, 1) == request.batches.end()) {
    fail(ErrorKind::kUsage, "--bench-batch: 1 is missing, the frontier is drawn at batch 1");
  }
  if (request.tiny) {
    request.latency.rounds = 10;
    request.latency.warmup = 2;
    request.calibration_samples = std::min(request.calibration_samples, 32);
    request.batches = {1, 8};
  }
  const RunRecord record = run_pipeline(request, global);
  if (global.json) {
    fmt::print("{}", to_json(record));
    return;
  }
  fmt::print("{}\nreport: {}\n", to_text(record), (request.output / "report.html").string());
}

}  // namespace

void add_pipeline(CLI::App& app, const Global& global) {
  auto request = std::make_shared<PipelineRequest>();
  auto grid = std::make_shared<std::vector<std::string>>();
  request->latency.rounds = 200;
  CLI::App* command = app.add_subcommand(
      "pipeline", "Train, quantize every way, run, measure and report: the main job");
  command->add_option("--model", request->model, "A model of the zoo")->capture_default_str();
  command->add_option("--data", request->data, "A data set: see 'octet data list'")
      ->capture_default_str();
  command->add_option("--from", request->from, "A trained ONNX model instead of training one");
  CLI::Option* grid_option =
      command
          ->add_option("--grid", *grid,
                       "Models of the zoo with drawn weights, in every configuration that needs no "
                       "training: sizes, speed and structural gates; exit code 1 if one is broken")
          ->delimiter(',');
  for (const char* other : {"--model", "--data", "--from"}) {
    grid_option->excludes(command->get_option(other));
  }
  command->add_option("--configs", request->configs, "Only these configurations, e.g. a,b,c")
      ->delimiter(',');
  command->add_flag("--tiny", request->tiny, "A quick pass over 512 samples: a smoke test");
  command->add_flag("--equal-budget", request->equal_budget,
                    "Also fine-tune the float model for QAT's steps");
  command->add_option("--qat-epochs", request->qat_epochs, "Epochs of QAT")
      ->check(CLI::Range(1, 100000));
  command
      ->add_option("--calib-samples", request->calibration_samples,
                   "Training samples to calibrate on")
      ->check(CLI::Range(1, 1 << 24));
  command->add_option("--input-size", request->input_size, "Height and width of the input");
  command->add_option("--bench-batch", request->batches, "Batch sizes to time; 1 must be there")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 16));
  command->add_option("--rounds", request->latency.rounds, "Timed rounds")
      ->check(CLI::Range(10, 1 << 24));
  command->add_option("-o,--output", request->output, "The folder for models and report")
      ->required();
  add_training_flags(*command, request->training);
  command->footer("Example:\n  octet pipeline --model small_cnn --data shapes10 -o run");
  command->callback([request, grid, global] {
    grid->empty() ? run(*request, *global) : run_grid_command(*grid, *request, *global);
  });
}

}  // namespace octet::cli
