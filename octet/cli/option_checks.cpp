#include "octet/cli/option_checks.h"

#include <fmt/core.h>

#include <cmath>
#include <functional>

#include "octet/cpu/isa.h"

namespace octet::cli {
namespace {

CLI::Validator number(const std::string& accepted, std::function<bool(double)> fits) {
  const auto check = [accepted, fits = std::move(fits)](const std::string& text) {
    double value = 0;
    const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && fits(value);
    return good ? std::string() : fmt::format("found {}, accepted: {}", text, accepted);
  };
  return {check, "NUMBER"};
}

}  // namespace

CLI::Validator number_in(double low, double high) {
  return number(fmt::format("{} to {}", low, high),
                [low, high](double value) { return value >= low && value <= high; });
}

CLI::Validator number_above_0() {
  return number("more than 0", [](double value) { return value > 0; });
}

CLI::Validator number_from_0() {
  return number("0 or more", [](double value) { return value >= 0; });
}

CLI::Validator finite_number() {
  return number("a finite number", [](double) { return true; });
}

CLI::Validator count_from_1() {
  return number("a whole number, 1 or more",
                [](double value) { return value >= 1 && std::floor(value) == value; });
}

CLI::Validator available_isa() {
  const auto check = [](const std::string& name) {
    parse_isa(name);  // throws what to say
    return std::string();
  };
  return {check, "NAME"};
}

void add_limit_options(CLI::App& app, const Global& global) {
  constexpr double kMaxModelBytes = 2147483647;  // protobuf counts in an int
  constexpr double kMaxDepth = 100;              // each level is a few frames of the stack
  const auto limit = [&app](const char* name, auto& value, const char* what) {
    return app.add_option(name, value, what)->check(count_from_1())->group("Limits of a model");
  };
  ImportOptions& import = global->import;
  limit("--max-model-bytes", import.max_file_bytes, "Of the file (default 2147483647)")
      ->check(number_in(1, kMaxModelBytes));
  limit("--max-external-bytes", import.max_external_bytes,
        "Of weights beside the file (default 16 GiB)");
  limit("--max-nodes", import.max_nodes, "Also initializers, inputs, outputs (default 200000)");
  limit("--max-attributes", import.max_attributes, "Of a node (default 256)");
  limit("--max-name-bytes", import.max_name_bytes, "Of a name (default 4096)");
  limit("--max-string-bytes", import.max_string_bytes, "Of a text (default 1048576)");
  limit("--max-depth", import.max_depth, "Of branches in branches, calls in calls (default 32)")
      ->check(number_in(1, kMaxDepth));
  limit("--max-expansions", import.max_expansions,
        "Nodes that a model's functions stand for (default 100000)");
  limit("--max-fold-bytes", import.max_fold_bytes,
        "Of a constant that is computed beforehand (default 64 MiB)");
  limit("--max-memory-bytes", global->max_memory_bytes,
        "Of activations and outputs when it runs (default: the memory of this machine)");
}

void add_pass_option(CLI::App& command, const Global& global) {
  std::string names;
  for (const Pass& pass : inference_passes()) {
    names += (names.empty() ? "" : ", ") + std::string(pass.name);
  }
  command.add_option_function<std::vector<std::string>>(
      "--disable-pass",
      [global](const std::vector<std::string>& disabled) {
        for (const std::string& name : disabled) check_pass_name(name);
        global->passes.disabled.insert(disabled.begin(), disabled.end());
      },
      "Leave out this rewrite of the graph: " + names);
}

void add_fixed_option(CLI::App& command, ModelInputs& inputs) {
  command
      .add_option("--set", inputs.fixed,
                  "NAME=VALUE: this input is a constant; VALUE a number, or a .npy or .pb file")
      ->allow_extra_args(false);
}

void add_input_options(CLI::App& command, ModelInputs& inputs) {
  command
      .add_option("--dim", inputs.dims,
                  "NAME=SIZE: the size of a symbolic dimension; INPUT:AXIS=SIZE names any")
      ->allow_extra_args(false);
  add_fixed_option(command, inputs);
}

}  // namespace octet::cli
