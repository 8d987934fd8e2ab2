#include <fmt/core.h>

#include <map>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/base/names.h"
#include "octet/cli/calibration_inputs.h"
#include "octet/cli/commands.h"
#include "octet/cli/console.h"
#include "octet/cli/json_output.h"
#include "octet/cli/measure.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/cli/saturation_report.h"
#include "octet/cli/write_model.h"
#include "octet/onnx/onnx.h"

namespace octet::cli {
namespace {

struct QuantizeRequest {
  std::string model, config = "static_int8_per_channel", data, inputs, output, method = "minmax",
                     compat;
  int samples = 256;
  bool reduce_range = false;
};

QuantSpec spec_of(const QuantizeRequest& request) {
  QuantSpec spec = parse_config(request.config);
  if (request.method == "minmax") {
    spec.calibration = CalibrationMethod::kMinMax;
  } else if (request.method == "moving") {
    spec.calibration = CalibrationMethod::kMovingAverage;
  } else {
    const std::vector<std::string> accepted{"minmax", "moving"};
    fail_unknown_name("calibration method", request.method, accepted);
  }
  if (!request.compat.empty() && request.compat != "torch") {
    const std::vector<std::string> accepted{"torch"};
    fail_unknown_name("--compat", request.compat, accepted);
  }
  spec.torch_compat = request.compat == "torch";
  spec.reduce_range = request.reduce_range;
  if (spec.scheme == Scheme::kQat) {
    fail(ErrorKind::kUsage, "--config qat_int8: needs training; use 'octet qat'");
  }
  return spec;
}

/// What calibrates `model`. Inputs given as such are what it reads: no preprocessing of a data set.
Dataset calibration_data(const QuantizeRequest& request, Graph& model,
                         const GlobalOptions& global) {
  if (!request.inputs.empty()) {
    model.metadata.erase("octet.preprocessing");
    return request.inputs == "normal" ? drawn_inputs(model, request.samples, global.seed)
                                      : inputs_from_file(model, request.inputs);
  }
  if (request.data.empty()) {
    fail(ErrorKind::kUsage, "--config ", request.config,
         ": needs --data or --calib-inputs for calibration");
  }
  Dataset train = load(request.data, global).train;
  require_fits(model, train, request.model);
  return train;
}

void run_quantize(const QuantizeRequest& request, const GlobalOptions& global) {
  const QuantSpec spec = spec_of(request);
  require_writable(request.output);
  Graph model = import_onnx(request.model);
  const std::map<std::string, std::string> metadata = model.metadata;
  const std::int64_t before = file_bytes(request.model);  // the output may take its place
  const bool calibrates = spec.scheme == Scheme::kStatic;
  const Dataset data = calibrates ? calibration_data(request, model, global) : Dataset();
  QuantizedModel result = quantize_model(model, spec, data, request.samples, global);
  result.graph.metadata.insert(metadata.begin(), metadata.end());
  write_model(result.graph, request.output, global);
  const std::int64_t after = file_bytes(request.output);
  const std::vector<LayerSaturation> saturating = find_saturating_layers(result.graph);
  if (global.json) {
    print_json({{"model_file", request.output},
                {"config", spec.name},
                {"description", describe(spec)},
                {"file_bytes", after},
                {"size_ratio", static_cast<double>(after) / static_cast<double>(before)},
                {"raised_scales", result.raised_scales},
                {"saturation", saturation_json(saturating)}});
    return;
  }
  if (!result.prepared.empty()) {
    fmt::print("prepared: {}\n{}\nconverted:\n{}\n", describe(spec), result.prepared,
               result.converted);
  }
  if (result.raised_scales > 0) {
    fmt::print("{} weight scales were raised so that the int32 bias fits\n", result.raised_scales);
  }
  fmt::print("{}", saturation_text(saturating));
  fmt::print("wrote {}: {} bytes, {:.3f}x of {}\n", request.output, after,
             static_cast<double>(after) / static_cast<double>(before), request.model);
}

}  // namespace

void add_quantize(CLI::App& app, const Global& global) {
  auto request = std::make_shared<QuantizeRequest>();
  CLI::App* command = app.add_subcommand("quantize", "Post-training quantization of a float model");
  command->add_option("model", request->model, "The float ONNX model")->required();
  command->add_option("--config", request->config,
                      "dynamic_int8, static_int8_per_tensor, static_int8_per_channel or "
                      "static_w{2..8}a{4..8}[_per_tensor]");
  command->add_option("--data", request->data, "Data set whose training part calibrates");
  command
      ->add_option("--calib-inputs", request->inputs,
                   "Instead of --data: an .npy file of inputs [n, ...], or 'normal' for inputs "
                   "drawn from N(0, 1)")
      ->excludes("--data");
  command->add_option("--calib-samples", request->samples, "Training samples to calibrate on")
      ->check(CLI::Range(1, 1 << 24));
  command->add_option("--calib-method", request->method, "minmax or moving");
  command->add_option("--compat", request->compat,
                      "torch: PyTorch's default observers (7-bit activations, max|w|/127.5)");
  command->add_flag("--reduce-range", request->reduce_range,
                    "7-bit weights, for runtimes whose u8 x s8 kernels saturate");
  command->add_option("-o,--output", request->output, "The ONNX file to write")->required();
  add_pass_option(*command, global);
  command->footer(
      "Example:\n  octet quantize fp32.onnx --config static_int8_per_channel --data cifar10 "
      "-o int8.onnx");
  command->callback([request, global] { run_quantize(*request, *global); });
}

}  // namespace octet::cli
