#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/quant/calibration.h"
#include "octet/runtime/plan.h"
#include "octet/train/execute.h"
#include "octet/train/toy_models.h"
#include "octet/zoo/zoo.h"

namespace octet {
namespace {

/// Squeeze-and-excitation, depthwise ReLU6, average pooling and concatenation: what toy_cnn lacks.
Graph mixed_model() {
  Rng rng(8);
  Graph graph;
  const auto constant = [&](const std::string& name, Shape shape, float scale) {
    return graph.add_constant(name, random_tensor(std::move(shape), rng, scale));
  };
  const ValueId x = graph.add_input("input", DType::kFloat32, Shape{kDynamicDim, 3, 9, 9});
  Conv2d stem;
  stem.stride = {2, 2};
  stem.padding = {0, 1, 1, 0};
  const ValueId a = graph.add(
      "stem", stem, {x, constant("stem.w", {8, 3, 3, 3}, 0.3f), constant("stem.b", {8}, 0.2f)});
  const ValueId b = graph.add("swish", HardSwish{}, {a});
  Conv2d depthwise;
  depthwise.groups = 8;
  depthwise.padding = {1, 1, 1, 1};
  const ValueId c =
      graph.add("depthwise", depthwise,
                {b, constant("dw.w", {8, 1, 3, 3}, 0.5f), constant("dw.b", {8}, 0.2f)});
  const ValueId d = graph.add("relu6", Clip{{0, 6}}, {c});
  const ValueId squeezed = graph.add("squeeze", GlobalAveragePool{}, {d});
  Conv2d pointwise;
  const ValueId excited =
      graph.add("excite", pointwise, {squeezed, constant("se.w", {8, 8, 1, 1}, 0.4f)});
  const ValueId gate = graph.add("gate", Sigmoid{}, {excited});
  const ValueId gated = graph.add("scale", Mul{}, {d, gate});
  AveragePool pool;
  pool.window = {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}};
  const ValueId pooled = graph.add("pool", pool, {gated});
  MaxPool max;
  max.window = {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}};
  const ValueId maxed = graph.add("max", max, {gated});
  const ValueId joined = graph.add("join", Concat{.axis = 1}, {pooled, maxed});
  Conv2d grouped;
  grouped.groups = 2;
  const ValueId mixed = graph.add("mix", grouped, {joined, constant("mix.w", {6, 8, 1, 1}, 0.4f)});
  const ValueId squashed = graph.add("tanh", Tanh{}, {mixed});
  const ValueId flat = graph.add("flatten", Flatten{}, {squashed});
  const std::int64_t features = 6 * 2 * 2;
  graph.add_output(
      graph.add("fc", Gemm{.transpose_b = false},
                {flat, constant("fc.w", {features, 5}, 0.3f), constant("fc.b", {5}, 0.5f)}));
  infer_shapes(graph);
  return graph;
}

Tensor random_batch(const Graph& graph, std::int64_t samples, std::uint32_t seed) {
  Rng rng(seed);
  return random_tensor(graph.value(graph.inputs()[0]).shape.with_batch(samples), rng, 1.0f);
}

QuantAssignment calibrated(const Graph& graph, const QuantSpec& spec) {
  const FloatModel model(graph);
  const auto source = [&](std::span<const ValueId> requested, const ActivationSink& sink) {
    const std::vector<Tensor> values = model.forward(random_batch(graph, 8, 21), requested);
    for (std::size_t i = 0; i < requested.size(); ++i) sink(requested[i], values[i].data<float>());
  };
  return assign(graph, calibrate(graph, spec, source).ranges, spec);
}

struct Case {
  std::string name;
  Graph (*model)();
  std::string config;
  bool torch_compat = false;
};

class FakeQuantCodesTest : public ::testing::TestWithParam<Case> {};

TEST_P(FakeQuantCodesTest, EqualTheIntegerRuntimeAtEveryPoint) {
  Graph graph = GetParam().model();
  run_passes(graph, inference_passes());
  QuantSpec spec = parse_config(GetParam().config);
  spec.torch_compat = GetParam().torch_compat;
  const QuantAssignment assignment = calibrated(graph, spec);
  // Wider than what was calibrated, so that codes saturate too.
  Tensor batch = random_batch(graph, 3, 5);
  for (float& value : batch.mutable_data<float>()) value *= 1.5f;
  const std::map<ValueId, Tensor> codes = fake_quant_codes(graph, assignment, spec, batch);
  ASSERT_EQ(codes.size(), activation_points(graph).size());

  Graph quantized = insert_qdq(graph, assignment, spec);
  std::vector<ValueId> points;
  for (const auto& [id, unused] : codes) {
    const auto value = quantized.find_value(graph.value(id).name + "_quantized");
    ASSERT_TRUE(value) << graph.value(id).name;
    quantized.add_output(*value);
    points.push_back(id);
  }
  Plan plan = compile(quantized, {.threads = 1, .max_batch = 3});
  std::vector<Tensor> outputs;
  std::vector<void*> pointers;
  for (const PlanTensor& output : plan.outputs()) {
    outputs.emplace_back(output.dtype, output.shape.with_batch(3));
  }
  for (Tensor& output : outputs) pointers.push_back(output.mutable_raw());
  const void* input = batch.raw();
  plan.run(std::span(&input, 1), pointers, 3);

  ASSERT_EQ(outputs.size(), points.size() + 1);
  std::set<int> seen;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto expected = outputs[i + 1].data<std::uint8_t>();
    const auto actual = codes.at(points[i]).data<std::uint8_t>();
    ASSERT_EQ(codes.at(points[i]).shape(), outputs[i + 1].shape());
    std::int64_t different = 0;
    for (std::size_t e = 0; e < expected.size(); ++e) different += expected[e] != actual[e];
    EXPECT_EQ(different, 0) << graph.value(points[i]).name << ", of " << expected.size();
    seen.insert(actual.begin(), actual.end());
  }
  const int levels = 1 << spec.activation_bits;
  EXPECT_GT(static_cast<int>(seen.size()), levels / 2) << "the test barely exercises the codes";
  EXPECT_LT(*seen.rbegin(), levels);
}

Graph toy_model() { return toy_cnn(3); }
Graph mobilenet() {
  return build_model("mobilenet_v2", {.classes = 7, .input_size = 32, .seed = 2});
}

INSTANTIATE_TEST_SUITE_P(
    , FakeQuantCodesTest,
    ::testing::Values(Case{"toy_per_channel", toy_model, "static_int8_per_channel"},
                      Case{"toy_per_tensor", toy_model, "static_int8_per_tensor"},
                      Case{"toy_w4a4", toy_model, "static_w4a4"},
                      Case{"toy_w8a6", toy_model, "static_w8a6"},
                      Case{"toy_torch", toy_model, "static_int8_per_channel", true},
                      Case{"mixed_per_channel", mixed_model, "static_int8_per_channel"},
                      Case{"mixed_per_tensor", mixed_model, "static_int8_per_tensor"},
                      Case{"mixed_torch", mixed_model, "static_int8_per_tensor", true},
                      Case{"mobilenet", mobilenet, "static_int8_per_channel"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace octet
