#include <fmt/core.h>

#include "octet/cli/commands.h"
#include "octet/cli/json_output.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/quant_points.h"
#include "octet/runtime/plan.h"

namespace octet::cli {
namespace {

constexpr std::string_view kBranches = "its branches";

std::string_view integer_text(std::string_view name) {
  if (name == "If") return kBranches;
  switch (integer_role_of_operator(name)) {
    case IntegerRole::kCompute:
      return "integer weights and activations";
    case IntegerRole::kRequantize:
      return "own scale";
    case IntegerRole::kCarry:
      return "carries its input's codes";
    case IntegerRole::kBias:
    case IntegerRole::kFloat:
      break;
  }
  return "-";
}

std::string_view float_text(std::string_view name) {
  if (name == "If") return kBranches;
  return has_float_kernel(name) ? "kernel" : "definition";
}

void run_operators(const GlobalOptions& global) {
  const std::vector<OperatorSupport> operators = supported_operators();
  if (global.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const OperatorSupport& op : operators) {
      list.push_back({{"name", op.name},
                      {"since_opset", op.since},
                      {"float", float_text(op.name)},
                      {"integer", integer_text(op.name)}});
    }
    print_json({{"operators", std::move(list)}});
    return;
  }
  fmt::print(
      "| operator | from opset | float | in a static integer network |\n|---|--:|---|---|\n");
  for (const OperatorSupport& op : operators) {
    fmt::print("| {} | {} | {} | {} |\n", op.name, op.since, float_text(op.name),
               integer_text(op.name));
  }
}

}  // namespace

void add_operators(CLI::App& app, const Global& global) {
  CLI::App* command = app.add_subcommand("operators", "The ONNX operators that octet reads");
  command->footer("Example:\n  octet operators --json");
  command->callback([global] { run_operators(*global); });
}

}  // namespace octet::cli
