#include "tests/exactness/lively_zoo.h"

#include <cmath>

#include "octet/base/rng.h"
#include "octet/graph/passes/passes.h"
#include "octet/quant/calibration.h"
#include "octet/runtime/plan.h"
#include "octet/zoo/zoo.h"

namespace octet {
namespace {

void redraw(Graph& graph, ValueId id, float mean, float deviation, float low, Rng& rng) {
  for (float& x : graph.value(id).constant->mutable_data<float>()) {
    x = std::max(low, mean + deviation * rng.normal());
  }
}

}  // namespace

Graph lively_network(const std::string& model) {
  constexpr float kNoBound = -1e30f;
  Graph graph = build_model(model, {.input_size = model == "mobilenet_v2" ? 32 : 0, .seed = 4});
  Rng rng(11);
  for (const Node& node : graph.nodes()) {
    if (!std::holds_alternative<BatchNorm>(node.op)) continue;
    redraw(graph, *node.inputs[1], 1.0f, 0.3f, 0.2f, rng);      // scale
    redraw(graph, *node.inputs[2], 0.1f, 0.3f, kNoBound, rng);  // shift
    redraw(graph, *node.inputs[3], 0.0f, 0.2f, kNoBound, rng);  // mean
    redraw(graph, *node.inputs[4], 0.8f, 0.3f, 0.2f, rng);      // variance
  }
  return graph;
}

Graph inference_form(Graph graph) {
  run_passes(graph, inference_passes());
  return graph;
}

Tensor normal_batch(const Graph& graph, std::int64_t samples, std::uint32_t seed, float scale) {
  Rng rng(seed);
  Tensor batch(DType::kFloat32, graph.value(graph.inputs()[0]).shape.with_batch(samples));
  for (float& x : batch.mutable_data<float>()) x = scale * rng.normal();
  return batch;
}

std::vector<Tensor> run_plan(const Graph& graph, const Tensor& batch, Isa isa) {
  const auto samples = static_cast<int>(batch.shape()[0]);
  Plan plan = compile(graph, {.isa = isa, .threads = 1, .max_batch = samples});
  std::vector<Tensor> outputs;
  std::vector<void*> pointers;
  for (const PlanTensor& output : plan.outputs()) {
    outputs.emplace_back(output.dtype, output.shape.with_batch(samples));
  }
  for (Tensor& output : outputs) pointers.push_back(output.mutable_raw());
  const void* input = batch.raw();
  plan.run(std::span(&input, 1), pointers, samples);
  return outputs;
}

Quantized quantized_network(const std::string& model, const std::string& config) {
  return quantized_graph(lively_network(model), config);
}

Quantized quantized_graph(Graph network, const std::string& config) {
  Quantized result;
  result.source = inference_form(std::move(network));
  result.spec = parse_config(config);
  const auto source = [&](std::span<const ValueId> requested, const ActivationSink& sink) {
    Graph tapped = result.source;
    tapped.outputs().assign(requested.begin(), requested.end());
    const std::vector<Tensor> values = run_plan(tapped, normal_batch(tapped, 8, 21));
    for (std::size_t i = 0; i < requested.size(); ++i) sink(requested[i], values[i].data<float>());
  };
  const Calibration calibration = calibrate(result.source, result.spec, source);
  result.assignment = assign(result.source, calibration.ranges, result.spec);
  result.graph = insert_qdq(result.source, result.assignment, result.spec);
  return result;
}

double signal_to_noise_db(const Tensor& expected, const Tensor& actual) {
  double signal = 1e-30, noise = 1e-30;
  for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
    const double x = expected.data<float>()[i], difference = x - actual.data<float>()[i];
    signal += x * x;
    noise += difference * difference;
  }
  return 10 * std::log10(signal / noise);
}

std::vector<std::string> expose_codes(Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (!std::holds_alternative<QuantizeLinear>(node.op)) continue;
    names.push_back(graph.value(node.outputs[0]).name);
    graph.add_output(node.outputs[0]);
  }
  return names;
}

std::vector<ZooCase> zoo_cases() {
  std::vector<ZooCase> cases;
  for (const char* model : {"traffic_net", "mnist_mlp", "small_cnn", "resnet20", "mobilenet_v2"}) {
    for (const char* config :
         {"static_int8_per_channel", "static_int8_per_tensor", "static_w4a4", "static_w6a8"}) {
      cases.push_back({model, config});
    }
  }
  return cases;
}

std::string case_name(const ZooCase& zoo_case) { return zoo_case.model + "_" + zoo_case.config; }

}  // namespace octet
