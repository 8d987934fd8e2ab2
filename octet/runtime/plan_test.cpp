#include "octet/runtime/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/graph/passes/passes.h"
#include "octet/quant/calibration.h"
#include "octet/quant/quant_assignment.h"
#include "octet/zoo/zoo.h"

namespace octet {
namespace {

std::vector<float> random_input(const Graph& graph, int batch, std::uint32_t seed) {
  const Shape shape = graph.value(graph.inputs()[0]).shape.with_batch(batch);
  std::vector<float> values(static_cast<std::size_t>(shape.num_elements()));
  Rng rng(seed);
  for (float& value : values) value = rng.normal();
  return values;
}

std::vector<float> run(const Graph& graph, const std::vector<float>& input, int batch,
                       CompileOptions options) {
  options.max_batch = std::max(options.max_batch, batch);
  Plan plan = compile(graph, options);
  std::vector<float> output(
      static_cast<std::size_t>(plan.outputs()[0].shape.with_batch(batch).num_elements()));
  plan.run(input.data(), output.data(), batch);
  return output;
}

/// The graph as QDQ with ranges seen on random data.
Graph quantized(const Graph& float_graph, const char* config) {
  Graph graph = float_graph;
  run_passes(graph, inference_passes());
  const QuantSpec spec = parse_config(config);
  if (spec.scheme == Scheme::kDynamic) return insert_dynamic_quantization(graph, spec);
  const ActivationSource source = [&](std::span<const ValueId> requested,
                                      const ActivationSink& sink) {
    Graph tapped = graph;
    tapped.outputs().assign(requested.begin(), requested.end());
    Plan plan = compile(tapped, {.max_batch = 2});
    const std::vector<float> input = random_input(graph, 2, 11);
    std::vector<Tensor> results;
    std::vector<void*> pointers;
    for (const PlanTensor& output : plan.outputs()) {
      results.emplace_back(DType::kFloat32, output.shape.with_batch(2));
    }
    for (Tensor& result : results) pointers.push_back(result.mutable_raw());
    const void* in = input.data();
    plan.run(std::span(&in, 1), pointers, 2);
    for (std::size_t i = 0; i < requested.size(); ++i) sink(requested[i], results[i].data<float>());
  };
  return insert_qdq(graph, assign(graph, calibrate(graph, spec, source).ranges, spec), spec);
}

Graph small(const std::string& model) {
  return build_model(model, {.input_size = model == "mobilenet_v2" ? 32 : 0, .seed = 3});
}

struct Case {
  const char* model;
  const char* config;
};

class PlanTest : public testing::TestWithParam<Case> {
 protected:
  Graph graph() const {
    const Graph built = small(GetParam().model);
    if (std::string(GetParam().config) == "fp32_baseline") return built;
    return quantized(built, GetParam().config);
  }
};

TEST_P(PlanTest, EveryInstructionSetGivesTheBytesOfTheReference) {
  const Graph g = graph();
  const std::vector<float> input = random_input(g, 2, 5);
  const std::vector<float> reference = run(g, input, 2, {.isa = Isa::kBaseline});
  for (const float value : reference) ASSERT_TRUE(std::isfinite(value));
  for (const Isa isa : testable_isas()) {
    EXPECT_EQ(run(g, input, 2, {.isa = isa}), reference) << to_string(isa);
  }
}

TEST_P(PlanTest, ThreadsDoNotChangeABit) {
  const Graph g = graph();
  const std::vector<float> input = random_input(g, 5, 6);
  const std::vector<float> one = run(g, input, 5, {.threads = 1});
  EXPECT_EQ(run(g, input, 5, {.threads = 2}), one);
  EXPECT_EQ(run(g, input, 5, {.threads = 3}), one);
}

/// Not of dynamic models: DynamicQuantizeLinear takes its range from the whole batch by definition.
class BatchSplitTest : public PlanTest {};

TEST_P(BatchSplitTest, TheSplitOfTheBatchDoesNotChangeABit) {
  const Graph g = graph();
  const std::vector<float> input = random_input(g, 4, 7);
  const std::vector<float> together = run(g, input, 4, {.max_batch = 4});
  const std::size_t per_sample = input.size() / 4;
  Plan plan = compile(g, {.max_batch = 3});
  std::vector<float> split(together.size());
  plan.run(input.data(), split.data(), 3);
  plan.run(input.data() + 3 * per_sample, split.data() + 3 * (split.size() / 4), 1);
  EXPECT_EQ(split, together);
}

TEST_P(PlanTest, RunningTwiceGivesTheSameBytes) {
  const Graph g = graph();
  const std::vector<float> a = random_input(g, 1, 8), b = random_input(g, 1, 9);
  Plan plan = compile(g);
  std::vector<float> first(10), other(10), again(10);
  plan.run(a.data(), first.data(), 1);
  plan.run(b.data(), other.data(), 1);
  plan.run(a.data(), again.data(), 1);
  EXPECT_EQ(first, again);
}

class StaticPlanTest : public PlanTest {};

TEST_P(StaticPlanTest, EveryLayerRunsOnIntegers) {
  const Plan plan = compile(graph());
  for (const PlanLayer& layer : plan.layers()) {
    EXPECT_EQ(layer.why_float, "") << layer.name;
    EXPECT_EQ(layer.kernel.find("f32"), std::string::npos) << layer.name << " " << layer.kernel;
  }
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.model) + "_" + info.param.config;
}

constexpr Case kFloat[] = {{"traffic_net", "fp32_baseline"},
                           {"mnist_mlp", "fp32_baseline"},
                           {"small_cnn", "fp32_baseline"},
                           {"resnet20", "fp32_baseline"},
                           {"mobilenet_v2", "fp32_baseline"}};
constexpr Case kDynamic[] = {
    {"traffic_net", "dynamic_int8"}, {"mnist_mlp", "dynamic_int8"}, {"small_cnn", "dynamic_int8"}};
constexpr Case kStatic[] = {
    {"traffic_net", "static_int8_per_channel"}, {"mnist_mlp", "static_int8_per_tensor"},
    {"small_cnn", "static_int8_per_channel"},   {"small_cnn", "static_w4a4"},
    {"resnet20", "static_int8_per_channel"},    {"mobilenet_v2", "static_int8_per_tensor"},
    {"mobilenet_v2", "static_int8_per_channel"}};

INSTANTIATE_TEST_SUITE_P(Float, PlanTest, testing::ValuesIn(kFloat), case_name);
INSTANTIATE_TEST_SUITE_P(Dynamic, PlanTest, testing::ValuesIn(kDynamic), case_name);
INSTANTIATE_TEST_SUITE_P(Static, PlanTest, testing::ValuesIn(kStatic), case_name);
INSTANTIATE_TEST_SUITE_P(Float, BatchSplitTest, testing::ValuesIn(kFloat), case_name);
INSTANTIATE_TEST_SUITE_P(Static, BatchSplitTest, testing::ValuesIn(kStatic), case_name);
INSTANTIATE_TEST_SUITE_P(Zoo, StaticPlanTest, testing::ValuesIn(kStatic), case_name);

TEST(PlanTest, AnIntegerModelStaysCloseToItsFloatModel) {
  for (const char* model : {"mnist_mlp", "small_cnn", "resnet20"}) {
    const Graph g = small(model);
    const std::vector<float> input = random_input(g, 2, 11);  // as calibrated
    const std::vector<float> expected = run(g, input, 2, {});
    const std::vector<float> actual = run(quantized(g, "static_int8_per_channel"), input, 2, {});
    double signal = 0, noise = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      signal += static_cast<double>(expected[i]) * expected[i];
      noise += std::pow(static_cast<double>(expected[i]) - actual[i], 2);
    }
    EXPECT_GT(10 * std::log10(signal / noise), 20.0) << model;
  }
}

/// The quotient that gives the zero point is NaN then; to convert it would be undefined (UBSan).
TEST(PlanTest, ADynamicLayerOfAnInfiniteRangeGivesTheSameOnEveryInstructionSet) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Graph graph = quantized(small("traffic_net"), "dynamic_int8");
  std::vector<float> input = random_input(graph, 2, 5);
  input[0] = -kInf;
  input[1] = kInf;
  const std::vector<float> reference = run(graph, input, 2, {.isa = Isa::kBaseline});
  for (const Isa isa : testable_isas()) {
    const std::vector<float> actual = run(graph, input, 2, {.isa = isa});
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_TRUE(actual[i] == reference[i] || (std::isnan(actual[i]) && std::isnan(reference[i])))
          << to_string(isa) << " " << i << ": " << actual[i] << ", not " << reference[i];
    }
  }
}

TEST(PlanTest, AResultWhoseSizeOnlyTheDataKnowIsRefusedByName) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 4});
  const ValueId target = graph.add_input("target", DType::kInt64, {2});
  graph.add_output(graph.add("reshaped_x", Reshape{}, {x, target}));
  try {
    compile(graph);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 69);
    EXPECT_NE(std::string(error.what()).find("reshaped_x"), std::string::npos);
  }
}

TEST(PlanTest, ASumThatCouldOverflowIsRefused) {
  constexpr std::int64_t kInputs = 70'000;
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, kInputs});
  const TensorQuantParams codes{{0.1f}, {0}, std::nullopt, DType::kUInt8};
  const ValueId q = graph.add("q", QuantizeLinear{codes}, {x});
  const ValueId d = graph.add("d", DequantizeLinear{codes}, {q});
  const ValueId weight = graph.add_constant(
      "w", Tensor::from<std::int8_t>({1, kInputs}, std::vector<std::int8_t>(kInputs, 127)));
  const ValueId wd =
      graph.add("wd", DequantizeLinear{{{0.1f}, {0}, std::nullopt, DType::kInt8}}, {weight});
  graph.add_output(graph.add("fc", Gemm{}, {d, wd}));
  try {
    compile(graph);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 65);
    EXPECT_NE(std::string(error.what()).find("overflow"), std::string::npos);
  }
}

/// One integer operator between a QuantizeLinear and a clamped QuantizeLinear.
TEST(PlanTest, AClampBehindAnAverageNarrowsItsCodes) {
  for (const bool global : {true, false}) {
    Graph graph;
    const TensorQuantParams codes{{0.1f}, {10}, std::nullopt, DType::kUInt8};
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3, 4, 4});
    const ValueId d =
        graph.add("d", DequantizeLinear{codes}, {graph.add("q", QuantizeLinear{codes}, {x})});
    const Op pool = global ? Op(GlobalAveragePool{})
                           : Op(AveragePool{.window = {.kernel = {2, 2}, .stride = {2, 2}}});
    const ValueId mean = graph.add("mean", pool, {d});
    const ValueId clip = graph.add("clip", Clip{{-0.2f, 0.3f}}, {mean});
    graph.add_output(graph.add("y", QuantizeLinear{codes}, {clip}));
    infer_shapes(graph);
    const std::vector<float> input = random_input(graph, 2, 13);
    for (const Isa isa : testable_isas()) {
      Plan plan = compile(graph, {.isa = isa, .max_batch = 2});
      std::vector<std::uint8_t> out(
          static_cast<std::size_t>(plan.outputs()[0].shape.with_batch(2).num_elements()));
      const void* in = input.data();
      void* result = out.data();
      plan.run(std::span(&in, 1), std::span(&result, 1), 2);
      for (const std::uint8_t code : out) {
        EXPECT_GE(code, 8);  // 10 - 0.2 / 0.1
        EXPECT_LE(code, 13);
      }
      EXPECT_NE(*std::ranges::min_element(out), *std::ranges::max_element(out));
    }
  }
}

TEST(PlanTest, ActivationsOfTypeInt8GiveTheCodesOfUInt8MovedBy128) {
  const auto outputs_of = [](DType dtype, std::int32_t zero) {
    const TensorQuantParams codes{{0.05f}, {zero}, std::nullopt, dtype};
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 8});
    const ValueId d =
        graph.add("d", DequantizeLinear{codes}, {graph.add("q", QuantizeLinear{codes}, {x})});
    std::vector<std::int8_t> weights(5 * 8);
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::int8_t>(i - 20);
    const ValueId w =
        graph.add("wd", DequantizeLinear{{{0.01f}, {0}, std::nullopt, DType::kInt8}},
                  {graph.add_constant("w", Tensor::from<std::int8_t>({5, 8}, weights))});
    graph.add_output(graph.add("y", QuantizeLinear{codes}, {graph.add("fc", Gemm{}, {d, w})}));
    infer_shapes(graph);
    Plan plan = compile(graph, {.max_batch = 3});
    const std::vector<float> input = random_input(graph, 3, 17);
    std::vector<std::uint8_t> out(15);
    const void* in = input.data();
    void* result = out.data();
    plan.run(std::span(&in, 1), std::span(&result, 1), 3);
    return out;
  };
  std::vector<std::uint8_t> moved = outputs_of(DType::kInt8, -20);
  for (std::uint8_t& code : moved) code = static_cast<std::uint8_t>(code + 128);
  EXPECT_EQ(moved, outputs_of(DType::kUInt8, 108));
}

TEST(PlanTest, APlanThatNeedsMoreThanTheMemoryItMayTakeIsRefused) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 1024});
  graph.add_output(graph.add("y", Tanh{}, {x}));
  infer_shapes(graph);
  // The output alone takes 16 KiB.
  EXPECT_NO_THROW(compile(graph, {.max_batch = 4, .max_memory_bytes = 64 << 10}));
  try {
    compile(graph, {.max_batch = 4, .max_memory_bytes = (16 << 10) - 1});
    FAIL() << "compiled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("accepted: at most 16383"), std::string::npos)
        << error.what();
  }
}

TEST(PlanTest, AMultiplierThatIsNotFiniteIsRefused) {
  const TensorQuantParams huge{{3e38f}, {0}, std::nullopt, DType::kUInt8};
  const TensorQuantParams tiny{{1e-38f}, {0}, std::nullopt, DType::kUInt8};
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 1});
  const ValueId d =
      graph.add("d", DequantizeLinear{huge}, {graph.add("q", QuantizeLinear{huge}, {x})});
  const ValueId w = graph.add("wd", DequantizeLinear{{{3e38f}, {0}, std::nullopt, DType::kInt8}},
                              {graph.add_constant("w", Tensor::from<std::int8_t>({1, 1}, {1}))});
  graph.add_output(graph.add("y", QuantizeLinear{tiny}, {graph.add("fc", Gemm{}, {d, w})}));
  try {
    compile(graph);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 65);
    EXPECT_NE(std::string(error.what()).find("multiplier"), std::string::npos);
  }
}

/// Flush to zero, set for the calling thread before compile and before run, as libtorch may.
TEST(PlanTest, SubnormalNumbersSurviveTheCallersFlushToZero) {
  constexpr std::int64_t kElements = 200'000;  // enough for every worker to take part
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, kElements});
  graph.add_output(graph.add("y", Add{}, {x, x}));
  const unsigned saved = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(saved | 0x8040);  // flush to zero, denormals are zero
  Plan plan = compile(graph, {.threads = 3});
  const std::vector<float> input(kElements, std::numeric_limits<float>::denorm_min());
  std::vector<float> output(kElements);
  plan.run(input.data(), output.data(), 1);
  const unsigned after = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(saved);
  EXPECT_EQ(after & 0x8040, 0x8040u);
  for (const float value : output) {
    ASSERT_EQ(value, 2 * std::numeric_limits<float>::denorm_min());
  }
}

TEST(PlanTest, TheCallersRoundingModeIsNeitherUsedNorLost) {
  const Graph g = quantized(small("traffic_net"), "static_int8_per_channel");
  const std::vector<float> input = random_input(g, 1, 4);
  Plan plan = compile(g);
  std::vector<float> nearest(3), upward(3);
  plan.run(input.data(), nearest.data(), 1);
  std::fesetround(FE_UPWARD);
  plan.run(input.data(), upward.data(), 1);
  const int kept = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(nearest, upward);
  EXPECT_EQ(kept, FE_UPWARD);
}

/// y = relu(x * a) * b, where `a` serves both layers if they share it.
Graph two_products(const Tensor& a, const Tensor& b, bool share) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 8});
  const ValueId first = graph.add_constant("a", a);
  const ValueId second = share ? first : graph.add_constant("b", b);
  const ValueId h = graph.add("h", Relu{}, {graph.add("product", Gemm{}, {x, first})});
  graph.add_output(graph.add("y", Gemm{}, {h, second}));
  infer_shapes(graph);
  return graph;
}

TEST(PlanTest, AGraphThatIsGivenAwayGivesTheSamePlanAndLetsItsWeightsGo) {
  const auto weight = [](std::uint32_t seed) {
    Tensor tensor(DType::kFloat32, {8, 8});
    Rng rng(seed);
    for (float& element : tensor.mutable_data<float>()) element = rng.normal();
    return tensor;
  };
  for (const bool share : {false, true}) {
    Tensor a = weight(1), b = weight(2);
    const Graph kept = two_products(a, b, share);
    const std::vector<float> input = random_input(kept, 3, 5), expected = run(kept, input, 3, {});
    // Copies of their own, which only the graph and this test hold.
    Tensor own_a = a, own_b = b;
    own_a.mutable_raw();
    own_b.mutable_raw();
    Plan plan = compile(two_products(own_a, own_b, share), {.max_batch = 3});
    std::vector<float> output(expected.size());
    plan.run(input.data(), output.data(), 3);
    EXPECT_EQ(output, expected);
    // Writing copies what someone else still holds.
    const std::byte* const before = own_a.raw();
    EXPECT_EQ(own_a.mutable_raw(), before);
  }
}

}  // namespace
}  // namespace octet
