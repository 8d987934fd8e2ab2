#include <gtest/gtest.h>

#include <cmath>

#include "octet/quant/calibration.h"
#include "octet/quant/test_graphs.h"
#include "octet/runtime/plan.h"

// The runtime executes what quant writes: the quantized network must compute the float network's
// function up to quantization noise. This catches scales and constants on the wrong wire.

namespace octet {
namespace {

using namespace testing_graphs;

constexpr int kBatch = 4;

/// Outputs of one batch, one vector per graph output.
std::vector<std::vector<float>> run_graph(const Graph& graph, const std::vector<float>& input) {
  Plan plan = compile(graph, {.max_batch = kBatch});
  std::vector<std::vector<float>> outputs;
  std::vector<void*> pointers;
  for (const PlanTensor& output : plan.outputs()) {
    outputs.emplace_back(static_cast<std::size_t>(output.shape.with_batch(kBatch).num_elements()));
  }
  for (std::vector<float>& output : outputs) pointers.push_back(output.data());
  const void* input_pointer = input.data();
  plan.run(std::span(&input_pointer, 1), pointers, kBatch);
  return outputs;
}

ActivationSource source_of(const Graph& graph, const std::vector<float>& input) {
  return [&graph, &input](std::span<const ValueId> requested, const ActivationSink& sink) {
    Graph tapped = graph;
    tapped.outputs().clear();
    for (const ValueId value : requested) {
      if (value == graph.inputs()[0]) {
        sink(value, input);
      } else {
        tapped.add_output(value);
      }
    }
    const std::vector<std::vector<float>> outputs = run_graph(tapped, input);
    for (std::size_t i = 0; i < outputs.size(); ++i) sink(tapped.outputs()[i], outputs[i]);
  };
}

double signal_to_noise_db(const std::vector<float>& expected, const std::vector<float>& actual) {
  double signal = 1e-30, noise = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    signal += double{expected[i]} * expected[i];
    noise += std::pow(double{expected[i]} - actual[i], 2);
  }
  return 10 * std::log10(signal / noise);
}

TEST(QdqAccuracy, StaticConfigurationsComputeTheFloatNetworkUpToNoise) {
  struct Case {
    const char* config;
    double least_db;
  };
  const Graph graph = residual_network();
  Rng rng(3);
  const Tensor input = random_tensor(Shape{kBatch, 3, 8, 8}, rng, 2.0f);
  const std::vector<float> samples(input.data<float>().begin(), input.data<float>().end());
  const std::vector<float> expected = run_graph(graph, samples)[0];
  for (const Case& c : {Case{"static_int8_per_channel", 38}, Case{"static_int8_per_tensor", 36},
                        Case{"static_w8a6", 28}, Case{"static_w4a8", 20}}) {
    for (const bool torch_compat : {false, true}) {
      QuantSpec spec = parse_config(c.config);
      spec.torch_compat = torch_compat;
      const Calibration calibration = calibrate(graph, spec, source_of(graph, samples));
      const Graph quantized = insert_qdq(graph, assign(graph, calibration.ranges, spec), spec);
      const double db = signal_to_noise_db(expected, run_graph(quantized, samples)[0]);
      // One bit of the activations' range is lost to PyTorch's scales.
      EXPECT_GT(db, c.least_db - (torch_compat ? 8 : 0)) << c.config << ' ' << torch_compat;
    }
  }
}

TEST(QdqAccuracy, RandomNetworksComputeTheFloatNetworkUpToNoise) {
  // A fixed seed: logits that nearly cancel have a low ratio by chance, so the bound is
  // statistical.
  constexpr std::uint32_t kSeed = 17;
  constexpr int kNetworks = 100;
  Rng rng(kSeed);
  double sum_db = 0;
  int outputs = 0;
  for (int round = 0; round < kNetworks; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const Graph graph = RandomNetwork(rng).build();
    const Tensor input =
        random_tensor(graph.value(graph.inputs()[0]).shape.with_batch(kBatch), rng, 2.0f);
    const std::vector<float> samples(input.data<float>().begin(), input.data<float>().end());
    const QuantSpec spec;
    const Calibration calibration = calibrate(graph, spec, source_of(graph, samples));
    const Graph quantized = insert_qdq(graph, assign(graph, calibration.ranges, spec), spec);
    const std::vector<std::vector<float>> expected = run_graph(graph, samples);
    const std::vector<std::vector<float>> actual = run_graph(quantized, samples);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double db = signal_to_noise_db(expected[i], actual[i]);
      ASSERT_GT(db, 15.0) << to_string(graph);
      sum_db += db;
      ++outputs;
    }
  }
  EXPECT_GT(sum_db / outputs, 35.0);
}

}  // namespace
}  // namespace octet
