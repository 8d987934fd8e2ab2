#include <fmt/core.h>

#include "octet/cli/commands.h"
#include "octet/cli/json_output.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"

namespace octet::cli {
namespace {

struct EvalRequest {
  std::string model, data, split = "test";
  std::optional<std::string> against;
  std::optional<std::int64_t> limit;
  ModelInputs inputs;
};

void print_accuracy(const AccuracyRecord& record, const std::string& model) {
  fmt::print("{} on {} ({}): top-1 {:.4f} % ({} of {}), top-5 {:.4f} %, loss {:.6f}\n", model,
             record.data, record.split, record.top1, record.correct, record.samples, record.top5,
             record.loss);
  for (const auto& [name, top1] : record.per_class) fmt::print("  {:<16} {:6.2f} %\n", name, top1);
  if (record.agreement) {
    fmt::print("agreement {:.2f} %, top-1 drop {:+.2f} pp, McNemar p = {:.4g}: {}\n",
               *record.agreement, *record.top1_drop_pp, *record.mcnemar_p,
               *record.mcnemar_p < 0.05 ? "a real difference" : "within noise");
  }
}

void run_eval(const EvalRequest& request, const GlobalOptions& global) {
  const Graph model = import_sized(request.model, request.inputs, global.import);
  const DataSplits data = load(request.data, global, request.limit);
  const Dataset& samples = part(data, request.split);
  require_fits(model, samples, request.model);
  const Predictions predictions = predict_with_plan(model, samples, global, "eval");
  AccuracyRecord record = accuracy(predictions, samples);
  record.data = request.data;
  record.split = request.split;
  if (request.against) {
    const Graph reference = import_sized(*request.against, request.inputs, global.import);
    require_fits(reference, samples, *request.against);
    compare_predictions(predictions, predict_with_plan(reference, samples, global, "reference"),
                        samples, record);
  }
  if (global.json) {
    auto document = to_json_document(record);
    document["model"] = request.model;
    print_json(document);
    return;
  }
  print_accuracy(record, request.model);
}

}  // namespace

void add_eval(CLI::App& app, const Global& global) {
  auto request = std::make_shared<EvalRequest>();
  CLI::App* command = app.add_subcommand("eval", "Accuracy of a model, as it runs here");
  command->add_option("model", request->model, "The ONNX model")->required();
  command->add_option("--data", request->data, "Data set")->required();
  command->add_option("--split", request->split, "train, validation or test");
  command->add_option("--limit", request->limit, "At most so many samples")->check(count_from_1());
  command->add_option("--against", request->against,
                      "Reference model: agreement and paired significance");
  add_input_options(*command, request->inputs);
  add_pass_option(*command, global);
  command->footer("Example:\n  octet eval int8.onnx --data cifar10 --against fp32.onnx");
  command->callback([request, global] { run_eval(*request, *global); });
}

}  // namespace octet::cli
