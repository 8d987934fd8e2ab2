#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "octet/train/execute.h"
#include "tests/exactness/lively_zoo.h"

// What training simulates and the float executor computes, against what the runtime computes.

namespace octet {
namespace {

constexpr float kBound = 1e-4f;  // of the largest output

void expect_close(const Tensor& expected, const Tensor& actual) {
  ASSERT_EQ(actual.shape(), expected.shape());
  const std::span<const float> a = expected.data<float>(), b = actual.data<float>();
  float magnitude = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(std::isfinite(b[i]));
    magnitude = std::max(magnitude, std::abs(a[i]));
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  EXPECT_GT(magnitude, 1e-3f);
  EXPECT_LE(largest, kBound * magnitude);
}

Tensor evaluate(const Graph& graph, const Tensor& batch) {
  return FloatModel(graph).forward(batch, graph.outputs()).at(0);
}

class ZooFakeQuant : public ::testing::TestWithParam<ZooCase> {};

TEST_P(ZooFakeQuant, GivesTheIntegersOfThePlanAtEveryQuantizedTensor) {
  Quantized quantized = quantized_network(GetParam().model, GetParam().config);
  // Wider than what was calibrated, so that codes saturate too.
  const Tensor batch = normal_batch(quantized.source, 2, 5, 1.5f);
  const std::map<ValueId, Tensor> codes =
      fake_quant_codes(quantized.source, quantized.assignment, quantized.spec, batch);
  ASSERT_EQ(codes.size(), activation_points(quantized.source).size());

  quantized.graph.outputs().clear();
  const std::vector<std::string> names = expose_codes(quantized.graph);
  for (const Isa isa : testable_isas()) {
    SCOPED_TRACE(to_string(isa));
    const std::vector<Tensor> outputs = run_plan(quantized.graph, batch, isa);
    for (const auto& [id, expected] : codes) {
      const std::string name = quantized.source.value(id).name + "_quantized";
      const auto found = std::ranges::find(names, name);
      ASSERT_NE(found, names.end()) << name;
      const auto a = expected.data<std::uint8_t>();
      const auto b = outputs[static_cast<std::size_t>(found - names.begin())].data<std::uint8_t>();
      ASSERT_EQ(a.size(), b.size()) << name;
      std::int64_t different = 0;
      for (std::size_t i = 0; i < a.size(); ++i) different += a[i] != b[i];
      EXPECT_EQ(different, 0) << name << ", of " << a.size();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, ZooFakeQuant, ::testing::ValuesIn(zoo_cases()),
                         [](const auto& info) { return case_name(info.param); });

class ZooFloat : public ::testing::TestWithParam<const char*> {};

TEST_P(ZooFloat, FoldingBatchNormKeepsTheFunction) {
  const Graph network = lively_network(GetParam());
  const Graph folded = inference_form(network);
  EXPECT_TRUE(std::ranges::none_of(
      folded.nodes(), [](const Node& node) { return std::holds_alternative<BatchNorm>(node.op); }));
  const Tensor batch = normal_batch(network, 2, 6);
  expect_close(evaluate(network, batch), evaluate(folded, batch));
}

TEST_P(ZooFloat, PlanComputesWhatTheFloatExecutorComputes) {
  const Graph network = lively_network(GetParam());
  const Tensor batch = normal_batch(network, 2, 7);
  const Tensor expected = evaluate(network, batch);
  for (const Isa isa : testable_isas()) {
    SCOPED_TRACE(to_string(isa));
    expect_close(expected, run_plan(network, batch, isa).at(0));
  }
}

INSTANTIATE_TEST_SUITE_P(, ZooFloat,
                         ::testing::Values("traffic_net", "mnist_mlp", "small_cnn", "resnet20",
                                           "mobilenet_v2"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace octet
