#include "octet/quant/quant_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/quant/describe_quant.h"
#include "octet/quant/quant_assignment.h"
#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing_graphs;

TEST(ActivationPoints, AreTheInputAndWhatComputesInExecutionOrder) {
  const Graph graph = residual_network();
  EXPECT_THAT(names_of(graph, activation_points(graph)),
              ElementsAre("input", "conv1", "conv2", "sum", "gap", "logits"));
  EXPECT_THAT(names_of(graph, weight_points(graph)),
              ElementsAre("conv1.weight", "conv2.weight", "fc.weight"));
}

TEST(ActivationPoints, PassThroughValuesHaveTheCodesOfTheirProducer) {
  const Graph graph = residual_network();
  const std::vector<ValueId> sources = code_sources(graph);
  const auto source_name = [&](const char* name) {
    return graph.value(sources[static_cast<std::size_t>(*graph.find_value(name))]).name;
  };
  EXPECT_EQ(source_name("pool"), "conv1");
  EXPECT_EQ(source_name("flat"), "gap");
  EXPECT_EQ(source_name("conv2"), "conv2");
  EXPECT_EQ(source_name("input"), "input");
}

/// x [N, 2, 4, 4] -> op -> conv, so that the operator's input and output can be points.
Graph before_conv(const Op& op, std::vector<Tensor> constants = {}) {
  Rng rng(1);
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 2, 4, 4});
  std::vector<std::optional<ValueId>> inputs{x};
  for (Tensor& constant : constants) {
    inputs.emplace_back(graph.add_constant(graph.unique_value_name("c"), std::move(constant)));
  }
  const ValueId y = graph.add("y", op, inputs);
  const ValueId weight = graph.add_constant("w", random_tensor(Shape{1, 2, 1, 1}, rng));
  graph.add_output(graph.add("conv", Conv2d{}, {y, weight}));
  infer_shapes(graph);
  return graph;
}

std::vector<std::string> points_before_conv(const Op& op, std::vector<Tensor> constants = {}) {
  const Graph graph = before_conv(op, std::move(constants));
  return names_of(graph, activation_points(graph));
}

TEST(ActivationPoints, OperatorsWithTheirOwnParameters) {
  const std::vector<Op> ops{Relu{},     Clip{kRelu6},  Sigmoid{},
                            Tanh{},     HardSigmoid{}, HardSwish{},
                            Softmax{1}, AveragePool{}, GlobalAveragePool{}};
  for (const Op& op : ops) {
    EXPECT_THAT(points_before_conv(op), ElementsAre("x", "y", "conv")) << op_name(op);
  }
}

TEST(ActivationPoints, OperatorsThatCarryCodes) {
  const std::vector<Op> ops{MaxPool{},
                            Reshape{{0, 2, 4, 4}},
                            Transpose{{0, 1, 3, 2}},
                            Identity{},
                            Slice{.starts = {0}, .ends = {2}, .axes = {2}, .steps = {1}},
                            Pad{{0, 0, 1, 1, 0, 0, 1, 1}, 0.0f}};
  for (const Op& op : ops) {
    EXPECT_THAT(points_before_conv(op), ElementsAre("x", "conv")) << op_name(op);
  }
}

TEST(ActivationPoints, AFloatOperatorsOutputIsAPointWhereALayerReadsIt) {
  // Padding with another value than 0 is not the zero point.
  EXPECT_THAT(points_before_conv(Pad{{0, 0, 1, 1, 0, 0, 1, 1}, 2.0f}), ElementsAre("y", "conv"));
  EXPECT_THAT(points_before_conv(Div{}, {Tensor(DType::kFloat32, Shape{1})}),
              ElementsAre("y", "conv"));
  EXPECT_THAT(points_before_conv(Sub{}, {Tensor(DType::kFloat32, Shape{1})}),
              ElementsAre("y", "conv"));
}

TEST(ActivationPoints, NothingIsQuantizedAroundFloatOperatorsAlone) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 4});
  const ValueId y = graph.add("y", Sub{}, {x, x});
  graph.add_output(graph.add("z", Flatten{}, {y}));
  infer_shapes(graph);
  EXPECT_TRUE(activation_points(graph).empty());
  EXPECT_TRUE(weight_points(graph).empty());
}

TEST(ActivationPoints, ALayerWithAComputedWeightStaysFloat) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{2, 4});
  const ValueId w = graph.add_input("w", DType::kFloat32, Shape{3, 4});
  graph.add_output(graph.add("fc", Gemm{}, {x, w}));
  infer_shapes(graph);
  EXPECT_EQ(IntegerRoles(graph).of(graph.nodes()[0]), IntegerRole::kFloat);
  EXPECT_TRUE(activation_points(graph).empty());
}

TEST(ActivationPoints, AQuantizedModelIsRefused) {
  Graph graph = residual_network();
  graph.add_output(graph.add("codes", QuantizeLinear{}, {graph.outputs()[0]}));
  try {
    activation_points(graph);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr("quantized already"));
  }
}

std::map<ValueId, Range> unit_ranges(const Graph& graph) {
  std::map<ValueId, Range> ranges;
  for (const ValueId point : activation_points(graph)) {
    ranges[point] = {-1.0f, 0.01f * static_cast<float>(point) + 2.0f};
  }
  return ranges;
}

TEST(Assign, EveryPointAndEveryWeightHasParameters) {
  const Graph graph = residual_network();
  const QuantAssignment assignment = assign(graph, unit_ranges(graph), QuantSpec{});
  EXPECT_EQ(assignment.activations.size(), activation_points(graph).size());
  EXPECT_EQ(assignment.weights.size(), 3u);
  for (const auto& [weight, params] : assignment.weights) {
    EXPECT_EQ(params.axis, 0);
    EXPECT_EQ(assignment.weight_bits.at(weight), 8);
  }
}

TEST(Assign, SoftmaxHasTheRangeZeroToOne) {
  const Graph graph = before_conv(Softmax{1});
  const QuantAssignment assignment = assign(graph, unit_ranges(graph), QuantSpec{});
  const QuantParams& params = assignment.activations.at(*graph.find_value("y"));
  EXPECT_FLOAT_EQ(params.scale, 1.0f / 255.0f);
  EXPECT_EQ(params.zero_point, 0);
}

TEST(Assign, AveragePoolingKeepsItsInputsParametersInTorchCompatOnly) {
  const Graph graph = residual_network();
  const ValueId gap = *graph.find_value("gap"), sum = *graph.find_value("sum");
  QuantSpec spec;
  const QuantAssignment own = assign(graph, unit_ranges(graph), spec);
  EXPECT_NE(own.activations.at(gap), own.activations.at(sum));
  spec.torch_compat = true;
  const QuantAssignment torch = assign(graph, unit_ranges(graph), spec);
  EXPECT_EQ(torch.activations.at(gap), torch.activations.at(sum));
}

TEST(Assign, AMissingRangeIsAnErrorThatNamesTheValue) {
  const Graph graph = residual_network();
  std::map<ValueId, Range> ranges = unit_ranges(graph);
  ranges.erase(*graph.find_value("conv2"));
  try {
    assign(graph, ranges, QuantSpec{});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'conv2'"));
  }
}

TEST(Assign, ScalesRaisedToTheSmallestNormalFloatAreCounted) {
  Graph graph = residual_network();
  std::map<ValueId, Range> ranges = unit_ranges(graph);
  EXPECT_EQ(assign(graph, ranges, QuantSpec{}).floored_scales, 0);
  ranges[*graph.find_value("conv2")] = {0.0f, 1e-40f};
  Value& weight = graph.value(*graph.find_value("conv2.weight"));
  for (float& value : weight.constant->mutable_data<float>().first(36)) value = 1e-40f;
  const QuantAssignment assignment = assign(graph, ranges, QuantSpec{});
  EXPECT_EQ(assignment.floored_scales, 2);
  EXPECT_THAT(describe_assignment(graph, assignment), HasSubstr("2 scales raised to 1.17549e-38"));
}

TEST(Assign, ANonFiniteWeightIsAnErrorThatNamesTheConstant) {
  Graph graph = residual_network();
  Value& weight = graph.value(*graph.find_value("conv2.weight"));
  weight.constant->mutable_data<float>()[7] = std::numeric_limits<float>::infinity();
  try {
    assign(graph, unit_ranges(graph), QuantSpec{});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'conv2.weight'"));
    EXPECT_THAT(error.what(), HasSubstr("element 7"));
  }
}

Graph two_gemms_on_one_weight(bool second_transposed) {
  Rng rng(2);
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 4});
  const ValueId weight = graph.add_constant("w", random_tensor(Shape{4, 4}, rng));
  const ValueId a = graph.add("a", Gemm{.transpose_b = false}, {x, weight});
  graph.add_output(graph.add("b", Gemm{.transpose_b = second_transposed}, {a, weight}));
  infer_shapes(graph);
  return graph;
}

TEST(Assign, AMatrixOfColumnsIsQuantizedPerColumn) {
  const Graph graph = two_gemms_on_one_weight(false);
  const QuantAssignment assignment = assign(graph, unit_ranges(graph), QuantSpec{});
  EXPECT_EQ(assignment.weights.at(*graph.find_value("w")).axis, 1);
}

TEST(Assign, AWeightWithTwoChannelAxesIsQuantizedPerTensor) {
  const Graph graph = two_gemms_on_one_weight(true);
  const QuantAssignment assignment = assign(graph, unit_ranges(graph), QuantSpec{});
  EXPECT_FALSE(assignment.weights.at(*graph.find_value("w")).axis);
}

}  // namespace
}  // namespace octet
