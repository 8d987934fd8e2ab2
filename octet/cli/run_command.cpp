#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/base/names.h"
#include "octet/cli/commands.h"
#include "octet/cli/json_output.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/data/npy.h"
#include "octet/onnx/onnx.h"
#include "octet/runtime/session.h"

namespace octet::cli {
namespace {

struct RunRequest {
  std::string model, output_dir, format = "npy";
  std::vector<std::string> inputs;
  ModelInputs fixed;
};

/// In the order of the graph's inputs.
std::vector<Tensor> read_inputs(const RunRequest& request, const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs()) names.push_back(graph.value(id).name);
  std::map<std::string, Tensor> tensors;
  std::vector<Tensor> inputs;
  for (const std::string& input : request.inputs) {
    const auto [name, file] = name_and_value("--input NAME=FILE", input);
    if (std::ranges::find(names, name) == names.end()) fail_unknown_name("input", name, names);
    tensors[name] = read_tensor(file);
  }
  for (const std::string& name : names) {
    if (!tensors.contains(name)) fail(ErrorKind::kUsage, "--input: '", name, "' is missing");
    inputs.push_back(tensors.at(name));
  }
  return inputs;
}

/// A file name from a value's name, which may hold anything; `taken` keeps two of them apart.
std::string file_name_of(const std::string& value_name, std::set<std::string>& taken) {
  std::string name = value_name;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (!plain) c = '_';
  }
  constexpr std::size_t kLongest = 200;  // file systems take 255 bytes
  name.resize(std::min(name.size(), kLongest));
  std::string unique = name;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = name + "_" + std::to_string(i);
  return unique;
}

void write_outputs(const RunRequest& request, const Graph& graph,
                   const std::vector<Tensor>& results, const GlobalOptions& global) {
  auto written = nlohmann::ordered_json::array();
  std::set<std::string> taken;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string& name = graph.value(graph.outputs()[i]).name;
    const std::filesystem::path file = std::filesystem::path(request.output_dir) /
                                       (file_name_of(name, taken) + "." + request.format);
    request.format == "pb" ? write_tensor_proto(results[i], file) : write_npy(results[i], file);
    written.push_back({{"name", name},
                       {"dtype", to_string(results[i].dtype())},
                       {"shape", results[i].shape().dims()},
                       {"file", file.string()}});
    if (global.quiet || global.json) continue;
    fmt::print("{}: {} {} -> {}\n", name, to_string(results[i].dtype()),
               to_string(results[i].shape()), file.string());
  }
  if (global.json) print_json({{"model", request.model}, {"outputs", written}});
}

void run_run(const RunRequest& request, const GlobalOptions& global) {
  if (request.format != "npy" && request.format != "pb") {
    const std::vector<std::string> accepted{"npy", "pb"};
    fail_unknown_name("format", request.format, accepted);
  }
  const Graph graph = import_with(request.model, request.fixed, global.import);
  const std::vector<Tensor> inputs = read_inputs(request, graph);
  Session session(graph, compile_options(global, 1));
  const std::vector<Tensor> results = session.run(inputs);
  make_output_folder(request.output_dir);
  write_outputs(request, graph, results, global);
}

}  // namespace

void add_run(CLI::App& app, const Global& global) {
  auto request = std::make_shared<RunRequest>();
  CLI::App* command = app.add_subcommand("run", "One inference on tensors from files");
  command->add_option("model", request->model, "The ONNX model")->required();
  command->add_option("--input", request->inputs, "NAME=FILE, FILE ending in .npy or .pb")
      ->required();
  add_fixed_option(*command, request->fixed);
  command->add_option("--output-dir", request->output_dir, "Where the outputs go")->required();
  command->add_option("--format", request->format, "npy or pb");
  add_pass_option(*command, global);
  command->footer("Example:\n  octet run int8.onnx --input input=x.npy --output-dir out");
  command->callback([request, global] { run_run(*request, *global); });
}

}  // namespace octet::cli
