#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using namespace testing_graphs;

/// x -> fc1 (relu, bias) -> fc2 [k, n] (relu6, no bias); fc3 reads x as well.
Graph linear_network() {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 2});
  const ValueId w1 = graph.add_constant(
      "fc1.weight", Tensor::from<float>(Shape{3, 2}, {1.27f, 0.1f, 0.2f, -2.54f, 0.0f, 0.635f}));
  const ValueId b1 = graph.add_constant("fc1.bias", Tensor::from<float>(Shape{3}, {1, 2, 3}));
  const ValueId w2 = graph.add_constant(
      "fc2.weight", Tensor::from<float>(Shape{3, 2}, {1.27f, 2.54f, 0.01f, 0.02f, -0.5f, -2.0f}));
  const ValueId fc1 = graph.add("fc1", Gemm{.activation = kRelu}, {x, w1, b1});
  const ValueId fc2 = graph.add("fc2", Gemm{.transpose_b = false, .activation = kRelu6}, {fc1, w2});
  const ValueId fc3 = graph.add("fc3", Gemm{}, {x, w1, b1});
  graph.add_output(fc2);
  graph.add_output(fc3);
  infer_shapes(graph);
  return graph;
}

std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes()) ops.emplace_back(op_name(node.op));
  return ops;
}

TEST(InsertDynamic, WritesTheNodesThatOnnxRuntimesQuantizerWrites) {
  int converted = 0;
  const Graph graph =
      insert_dynamic_quantization(linear_network(), parse_config("dynamic_int8"), &converted);
  EXPECT_EQ(converted, 3);
  EXPECT_THAT(ops_of(graph),
              ElementsAre("DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul", "Add",
                          "Relu", "DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul",
                          "Clip", "MatMulInteger", "Cast", "Mul", "Mul", "Add"));
  EXPECT_THAT(names_of(graph, graph.outputs()), ElementsAre("fc2", "fc3"));
  EXPECT_EQ(graph.metadata.at("octet.config"), "dynamic_int8");
  EXPECT_EQ(value_named(graph, "fc3").shape, (Shape{kDynamicDim, 3}));
}

TEST(InsertDynamic, WeightsAreMatricesOfInputsByOutputs) {
  const Graph graph = insert_dynamic_quantization(linear_network(), parse_config("dynamic_int8"));
  const Tensor& w1 = *value_named(graph, "fc1.weight_quantized").constant;
  EXPECT_EQ(w1.shape(), (Shape{2, 3}));
  EXPECT_THAT(std::vector<int>(w1.data<std::int8_t>().begin(), w1.data<std::int8_t>().end()),
              ElementsAre(127, 10, 0, 10, -127, 127));
  const Tensor& s1 = *value_named(graph, "fc1.weight_scale").constant;
  EXPECT_EQ(s1.shape(), (Shape{3}));
  EXPECT_FLOAT_EQ(s1.data<float>()[1], 0.02f);
  const Tensor& w2 = *value_named(graph, "fc2.weight_quantized").constant;
  EXPECT_EQ(w2.shape(), (Shape{3, 2}));
  EXPECT_THAT(std::vector<int>(w2.data<std::int8_t>().begin(), w2.data<std::int8_t>().end()),
              ElementsAre(127, 127, 1, 1, -50, -100));
  const Tensor& zero = *value_named(graph, "fc2.weight_zero_point").constant;
  EXPECT_EQ(zero.dtype(), DType::kInt8);
  EXPECT_EQ(zero.shape(), (Shape{2}));
}

TEST(InsertDynamic, PerTensorScalesAreScalars) {
  QuantSpec spec = parse_config("dynamic_int8");
  spec.torch_compat = true;
  const Graph graph = insert_dynamic_quantization(linear_network(), spec);
  const Tensor& scale = *value_named(graph, "fc1.weight_scale").constant;
  EXPECT_EQ(scale.shape(), Shape{});
  EXPECT_FLOAT_EQ(scale.data<float>()[0], 2.54f / 127.5f);
}

TEST(InsertDynamic, ConvolutionsStayFloat) {
  int converted = 0;
  const Graph graph =
      insert_dynamic_quantization(residual_network(), parse_config("dynamic_int8"), &converted);
  EXPECT_EQ(converted, 1);
  EXPECT_THAT(ops_of(graph),
              ElementsAre("Conv", "MaxPool", "Conv", "Add", "GlobalAveragePool", "Flatten",
                          "DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul", "Add"));
  EXPECT_TRUE(value_named(graph, "conv1.weight").constant);
  EXPECT_FALSE(graph.find_value("fc.weight"));
}

TEST(InsertDynamic, RandomNetworksVerifyAndKeepTheirOutputs) {
  const auto seed = static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1;
  Rng rng(seed);
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    const Graph source = RandomNetwork(rng).build();
    int converted = 0;
    const Graph graph =
        insert_dynamic_quantization(source, parse_config("dynamic_int8"), &converted);
    ASSERT_EQ(converted, 1);
    ASSERT_EQ(names_of(graph, graph.outputs()), names_of(source, source.outputs()));
    for (std::size_t i = 0; i < source.outputs().size(); ++i) {
      ASSERT_EQ(graph.value(graph.outputs()[i]).shape, source.value(source.outputs()[i]).shape);
    }
  }
}

}  // namespace
}  // namespace octet
