#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/base/names.h"
#include "octet/cli/calibration_calls.h"
#include "octet/cli/calibration_inputs.h"
#include "octet/cli/commands.h"
#include "octet/cli/console.h"
#include "octet/cli/json_output.h"
#include "octet/cli/measure.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/cli/quantize_branches.h"
#include "octet/cli/saturation_report.h"
#include "octet/cli/write_model.h"
#include "octet/graph/functions/conditional.h"

namespace octet::cli {
namespace {

struct QuantizeRequest {
  std::string model, config = "static_int8_per_channel", data, output, method = "minmax", compat;
  std::vector<std::string> inputs, feedback;
  ModelInputs of_model;
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

/// Whether the calibration is one file, or a draw, for the one input of a network that one plan
/// runs.
bool is_one_input(const QuantizeRequest& request, const Graph& model) {
  return request.inputs.size() == 1 && request.inputs[0].find('=') == std::string::npos &&
         request.feedback.empty() && request.of_model.dims.empty() && model.inputs().size() == 1 &&
         std::ranges::none_of(model.nodes(),
                              [](const Node& node) { return is_conditional(node.op); });
}

/// Quantizes `model` as the request says. Inputs given as such are what it reads: no preprocessing
/// of a data set.
QuantizedModel quantized(const QuantizeRequest& request, const QuantSpec& spec, Graph& model,
                         const GlobalOptions& global, std::vector<FloatBranch>& float_branches) {
  if (spec.scheme != Scheme::kStatic) return quantize_model(model, spec, SourceOf(), global);
  if (request.inputs.empty() && request.data.empty()) {
    fail(ErrorKind::kUsage, "--config ", request.config,
         ": needs --data or --calib-inputs for calibration");
  }
  if (!request.inputs.empty()) model.metadata.erase("octet.preprocessing");
  if (!request.inputs.empty() && !is_one_input(request, model)) {
    const CalibrationCalls calls(
        model, {request.inputs, request.feedback, request.of_model.dims, request.samples},
        global.seed);
    return quantize_with_branches(model, spec, calls, global, float_branches);
  }
  Dataset data;
  if (!request.data.empty()) {
    data = load(request.data, global).train;
    require_fits(model, data, request.model);
  } else {
    data = request.inputs[0] == "normal" ? drawn_inputs(model, request.samples, global.seed)
                                         : inputs_from_file(model, request.inputs[0]);
  }
  return quantize_model(model, spec, data, request.samples, global);
}

void run_quantize(const QuantizeRequest& request, const GlobalOptions& global) {
  const QuantSpec spec = spec_of(request);
  require_writable(request.output);
  Graph model = import_with(request.model, request.of_model, global.import);
  const std::map<std::string, std::string> metadata = model.metadata;
  const std::int64_t before = file_bytes(request.model);  // the output may take its place
  std::vector<FloatBranch> float_branches;
  QuantizedModel result = quantized(request, spec, model, global, float_branches);
  result.graph.metadata.insert(metadata.begin(), metadata.end());
  write_model(result.graph, request.output, global, request.of_model.dims);
  const std::int64_t after = file_bytes(request.output);
  const std::vector<LayerSaturation> saturating = find_saturating_layers(result.graph);
  if (global.json) {
    nlohmann::ordered_json document{
        {"model_file", request.output},
        {"config", spec.name},
        {"description", describe(spec)},
        {"file_bytes", after},
        {"size_ratio", static_cast<double>(after) / static_cast<double>(before)},
        {"raised_scales", result.raised_scales},
        {"saturation", saturation_json(saturating)}};
    if (!request.of_model.fixed.empty()) document["fixed_inputs"] = request.of_model.fixed;
    for (const FloatBranch& branch : float_branches) {
      document["float_branches"].push_back(
          {{"node", branch.node}, {"branch", branch.branch}, {"why_float", branch.why}});
    }
    print_json(document);
    return;
  }
  if (!result.prepared.empty()) {
    fmt::print("prepared: {}\n{}\nconverted:\n{}\n", describe(spec), result.prepared,
               result.converted);
  }
  for (const FloatBranch& branch : float_branches) {
    fmt::print("'{}' (If): {} stays in float: {}\n", branch.node, branch.branch, branch.why);
  }
  for (const std::string& fixed : request.of_model.fixed) {
    fmt::print("{}: a constant of the written model, no longer an input\n", fixed);
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
                      "dynamic_int8, static_int8_per_tensor, static_int8_per_channel, "
                      "static_w{2..8}a{4..8}[_per_tensor] or weight_only_w{2,3,4,8}[_g32|_g128]");
  command->add_option("--data", request->data, "Data set whose training part calibrates");
  CLI::Option* inputs =
      command
          ->add_option("--calib-inputs", request->inputs,
                       "Instead of --data: an .npy file of inputs [n, ...]; NAME=FILE for each of "
                       "several inputs, a tensor for every call or with one more dimension in "
                       "front that counts the calls; 'normal' for what is drawn from N(0, 1)")
          ->allow_extra_args(false)
          ->excludes("--data");
  command
      ->add_option("--calib-feedback", request->feedback,
                   "OUTPUT=INPUT: a state that goes round, from each call to the next")
      ->allow_extra_args(false)
      ->needs(inputs);
  add_input_options(*command, request->of_model);
  command->add_option("--calib-samples", request->samples, "Samples, or calls, to calibrate on")
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
