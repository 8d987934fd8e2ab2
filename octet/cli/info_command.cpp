#include <fmt/core.h>

#include <algorithm>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/base/nibbles.h"
#include "octet/cli/commands.h"
#include "octet/cli/json_output.h"
#include "octet/cli/layer_table.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/graph/functions/conditional.h"
#include "octet/onnx/onnx.h"

namespace octet::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InfoRequest {
  std::string model;
  std::optional<std::string> weights;
  bool layers = false;
  bool graph = false;
  ModelInputs inputs;
};

/// "N" is the batch; another size that only the run tells has its name in the file, or none: "?".
std::string symbol_of(const Value& value, int axis) {
  if (value.shape[axis] == kDynamicDim) return "N";
  const auto index = static_cast<std::size_t>(axis);
  const bool named = index < value.dim_names.size() && !value.dim_names[index].empty();
  return named ? value.dim_names[index] : "?";
}

Json tensors_json(const Graph& graph, const std::vector<ValueId>& values) {
  Json list = Json::array();
  for (const ValueId id : values) {
    const Value& value = graph.value(id);
    Json shape = Json::array();
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
      const std::int64_t dim = value.shape[axis];
      dim >= 0 ? shape.push_back(dim) : shape.push_back(symbol_of(value, axis));
    }
    list.push_back({{"name", value.name}, {"dtype", to_string(value.dtype)}, {"shape", shape}});
  }
  return list;
}

void print_tensors(const char* what, const Graph& graph, const std::vector<ValueId>& values) {
  for (const ValueId id : values) {
    const Value& value = graph.value(id);
    std::string shape;
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
      const std::int64_t dim = value.shape[axis];
      shape += (axis > 0 ? ", " : "") + (dim >= 0 ? std::to_string(dim) : symbol_of(value, axis));
    }
    fmt::print("{}: {} {} [{}]\n", what, value.name, to_string(value.dtype), shape);
  }
}

const LayerInfo& find_layer(const std::vector<LayerInfo>& layers, const std::string& name) {
  const auto layer = std::ranges::find(layers, name, &LayerInfo::name);
  if (layer == layers.end()) {
    std::vector<std::string> names;
    for (const LayerInfo& known : layers) names.push_back(known.name);
    fail_unknown_name("layer", name, names);
  }
  if (!layer->weight) fail(ErrorKind::kUsage, "layer '", name, "' has no constant weight");
  return *layer;
}

Json values_json(const Tensor& weight) {
  const Tensor bytes = unpack_nibbles(weight);
  if (bytes.dtype() == DType::kInt8) return bytes.data<std::int8_t>();
  if (bytes.dtype() == DType::kUInt8) return bytes.data<std::uint8_t>();
  if (bytes.dtype() == DType::kFloat32) return bytes.data<float>();
  fail(ErrorKind::kUnsupported, "weights of ", to_string(weight.dtype()),
       " are not shown, accepted: int8, uint8, int4, uint4, float32");
}

/// One row per output channel.
void print_weights(const LayerInfo& layer, const GlobalOptions& global) {
  const Tensor& weight = *layer.weight;
  const Json values = values_json(weight);
  if (global.json) {
    Json document = to_json_document(layer);
    document["shape"] = weight.shape().dims();
    document["dtype"] = to_string(weight.dtype());
    document["values"] = values;
    print_json(document);
    return;
  }
  fmt::print("{}: {} {}, {} bits\n", layer.name, to_string(weight.dtype()),
             to_string(weight.shape()), layer.weight_bits);
  const auto rows = static_cast<std::size_t>(weight.shape().rank() > 0 ? weight.shape()[0] : 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t columns = values.size() / rows;
    if (i % columns == 0) fmt::print("{}[{}]", i > 0 ? "\n" : "", i / columns);
    fmt::print(" {:.6g}", values[i].get<double>());
  }
  fmt::print("\n");
}

void print_layers(const std::vector<LayerInfo>& layers) {
  fmt::print("{:<34} {:<10} {:<30} {:>12} {:>7} {:>5} {:>12} {:>12} {:>8}  {}\n", "layer", "op",
             "kernel", "MACs", "weight", "bits", "scale in", "scale out", "zeros %",
             "float because");
  for (const LayerInfo& layer : layers) {
    const auto number = [](const std::optional<float>& value) {
      return value ? fmt::format("{:.6g}", *value) : std::string("-");
    };
    fmt::print("{:<34} {:<10} {:<30} {:>12} {:>7} {:>5} {:>12} {:>12} {:>8}  {}\n", layer.name,
               layer.op, layer.kernel, layer.macs,
               layer.weight_dtype.empty() ? "-" : layer.weight_dtype,
               layer.weight_bits > 0 ? std::to_string(layer.weight_bits) : "-",
               number(layer.input_scale), number(layer.output_scale),
               layer.weight ? fmt::format("{:.2f}", layer.sparsity * 100) : "-", layer.why_float);
  }
}

/// Whether all sizes but the batch are known, inside of branches too.
bool has_known_sizes(const Graph& graph) {
  const auto is_known = [](const Value& value) {
    return std::ranges::find(value.shape.dims(), kUnknownDim) == value.shape.dims().end();
  };
  return std::ranges::all_of(graph.values(), is_known) &&
         std::ranges::all_of(graph.nodes(), [](const Node& node) {
           return std::ranges::all_of(branches_of(node.op), [](const Branch& branch) {
             return has_known_sizes(*branch.graph);
           });
         });
}

void run_info(const InfoRequest& request, const GlobalOptions& global) {
  FileFacts facts;
  const Graph graph = import_sized(request.model, request.inputs, global.import, &facts);
  if (request.weights) {
    const std::vector<LayerInfo> all = layer_table(graph, {});
    print_weights(find_layer(all, *request.weights), global);
    return;
  }
  const bool sizes_are_known = has_known_sizes(graph);
  const std::int64_t macs = sizes_are_known ? count_macs(graph) : 0;
  std::vector<LayerInfo> layers;
  if (request.layers) {
    require_known_inputs(graph, request.model);
    const Plan plan = compile(graph, compile_options(global));
    layers = layer_table(graph, plan.layers());
  }
  if (global.json) {
    Json document{{"model", request.model},
                  {"inputs", tensors_json(graph, graph.inputs())},
                  {"outputs", tensors_json(graph, graph.outputs())},
                  {"opset", facts.opset},
                  {"parameters", count_parameters(graph)}};
    if (sizes_are_known) document["macs"] = macs;
    document.update({{"file_bytes", file_bytes(request.model)},
                     {"weight_bytes", constant_bytes(graph)},
                     {"metadata", Json(graph.metadata)}});
    if (request.layers) {
      document["layers"] = Json::array();
      for (const LayerInfo& layer : layers) document["layers"].push_back(to_json_document(layer));
    }
    print_json(document);
    return;
  }
  print_tensors("input", graph, graph.inputs());
  print_tensors("output", graph, graph.outputs());
  fmt::print("opset {}, {} nodes, {} parameters, {} MACs per sample\n", facts.opset,
             graph.nodes().size(), count_parameters(graph),
             sizes_are_known ? std::to_string(macs) : "an unknown number of");
  fmt::print("{} bytes of file, {} bytes of weights\n", file_bytes(request.model),
             constant_bytes(graph));
  for (const auto& [key, value] : graph.metadata) fmt::print("{}: {}\n", key, value);
  if (request.graph) fmt::print("{}", to_string(graph));
  if (request.layers) print_layers(layers);
}

}  // namespace

void add_info(CLI::App& app, const Global& global) {
  auto request = std::make_shared<InfoRequest>();
  CLI::App* command = app.add_subcommand("info", "What a model is made of, and how it runs here");
  command->add_option("model", request->model, "The ONNX model")->required();
  command->add_flag("--layers", request->layers, "Kernel, precision and scales of every layer");
  command->add_flag("--graph", request->graph, "Every node with its shapes");
  command->add_option("--weights", request->weights, "Print the weights of this layer");
  add_input_options(*command, request->inputs);
  add_pass_option(*command, global);
  command->footer("Example:\n  octet info int8.onnx --layers");
  command->callback([request, global] { run_info(*request, *global); });
}

}  // namespace octet::cli
