#include "octet/train/execute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/error.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor iota(Shape shape, float start = 0) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (float& value : tensor.mutable_data<float>()) value = start++;
  return tensor;
}

std::vector<float> values(const Tensor& tensor) {
  return {tensor.data<float>().begin(), tensor.data<float>().end()};
}

/// The output of one node on `x` and constants.
Tensor evaluate(const Op& op, const Tensor& x, const std::vector<Tensor>& constants = {}) {
  Graph graph;
  std::vector<std::optional<ValueId>> inputs{graph.add_input("x", DType::kFloat32, x.shape())};
  for (std::size_t i = 0; i < constants.size(); ++i) {
    inputs.push_back(graph.add_constant(std::to_string(i), constants[i]));
  }
  const ValueId y = graph.add("node", op, inputs);
  graph.add_output(y);
  infer_shapes(graph);
  const FloatModel model(graph);
  const Tensor result = model.forward(x, std::span(&y, 1))[0];
  EXPECT_EQ(result.shape(), graph.value(y).shape);
  return result;
}

TEST(FloatModel, ConvolutionPadsAsymmetricallyAndClamps) {
  const Tensor x = iota({1, 1, 2, 2}, 1);  // 1 2 / 3 4
  const Tensor ones = Tensor::from(Shape{1, 1, 2, 2}, std::vector<float>{1, 1, 1, 1});
  const Tensor bias = Tensor::from(Shape{1}, std::vector<float>{-1});
  Conv2d conv;
  conv.padding = {1, 0, 0, 0};  // top only
  EXPECT_THAT(values(evaluate(conv, x, {ones, bias})), ElementsAre(2, 9));
  conv.padding = {0, 0, 0, 1};  // right only
  EXPECT_THAT(values(evaluate(conv, x, {ones, bias})), ElementsAre(9, 5));
  conv.activation = {0, 6};
  EXPECT_THAT(values(evaluate(conv, x, {ones, bias})), ElementsAre(6, 5));
}

TEST(FloatModel, DepthwiseConvolutionUsesGroups) {
  Conv2d conv;
  conv.groups = 2;
  const Tensor weight = Tensor::from(Shape{2, 1, 1, 1}, std::vector<float>{2, -1});
  EXPECT_THAT(values(evaluate(conv, iota({1, 2, 1, 2}, 1), {weight})), ElementsAre(2, 4, -3, -4));
}

TEST(FloatModel, GemmReadsBothWeightOrders) {
  const Tensor x = iota({1, 2}, 1);  // 1 2
  const Tensor weight = Tensor::from(Shape{2, 2}, std::vector<float>{1, 10, 100, 1000});
  const Tensor bias = Tensor::from(Shape{2}, std::vector<float>{0.5f, 0});
  EXPECT_THAT(values(evaluate(Gemm{.transpose_b = true}, x, {weight, bias})),
              ElementsAre(21.5f, 2100));
  EXPECT_THAT(values(evaluate(Gemm{.transpose_b = false}, x, {weight})), ElementsAre(201, 2010));
}

TEST(FloatModel, ArithmeticBroadcasts) {
  const Tensor x = iota({1, 2, 1, 2}, 1);
  const Tensor c = Tensor::from(Shape{2, 1, 1}, std::vector<float>{2, 4});
  EXPECT_THAT(values(evaluate(Add{}, x, {c})), ElementsAre(3, 4, 7, 8));
  EXPECT_THAT(values(evaluate(Sub{}, x, {c})), ElementsAre(-1, 0, -1, 0));
  EXPECT_THAT(values(evaluate(Mul{}, x, {c})), ElementsAre(2, 4, 12, 16));
  EXPECT_THAT(values(evaluate(Div{}, x, {c})), ElementsAre(0.5f, 1, 0.75f, 1));
  Add relu6;
  relu6.activation = {0, 6};
  EXPECT_THAT(values(evaluate(relu6, x, {c})), ElementsAre(3, 4, 6, 6));
}

TEST(FloatModel, BatchNormUsesRunningStatisticsInEvaluation) {
  const auto two = [](float a, float b) {
    return Tensor::from(Shape{2}, std::vector<float>{a, b});
  };
  const BatchNorm op{.epsilon = 0.0f};
  EXPECT_THAT(
      values(evaluate(op, iota({1, 2, 1, 2}, 1), {two(2, 1), two(0, 1), two(1, 3), two(4, 0.25f)})),
      ElementsAre(0, 1, 1, 3));
}

TEST(FloatModel, ActivationsFollowTheirFormulas) {
  const Tensor x = Tensor::from(Shape{1, 5}, std::vector<float>{-4, -1, 0, 1, 4});
  const auto check = [&](const Op& op, const std::function<double(double)>& f) {
    std::vector<float> expected;
    for (const float v : x.data<float>()) expected.push_back(static_cast<float>(f(v)));
    EXPECT_THAT(values(evaluate(op, x)), Pointwise(FloatNear(1e-6f), expected)) << op_name(op);
  };
  check(Relu{}, [](double v) { return std::max(0.0, v); });
  check(Clip{{-1.5f, 0.5f}}, [](double v) { return std::clamp(v, -1.5, 0.5); });
  check(Clip{{-kInf, 0.5f}}, [](double v) { return std::min(v, 0.5); });
  check(Clip{{-0.5f, kInf}}, [](double v) { return std::max(v, -0.5); });
  check(Sigmoid{}, [](double v) { return 1 / (1 + std::exp(-v)); });
  check(Tanh{}, [](double v) { return std::tanh(v); });
  check(HardSigmoid{0.25f, 0.375f},
        [](double v) { return std::clamp(0.25 * v + 0.375, 0.0, 1.0); });
  check(HardSwish{}, [](double v) { return v * std::clamp(v / 6 + 0.5, 0.0, 1.0); });
}

TEST(FloatModel, SoftmaxSumsToOneAlongItsAxis) {
  const std::vector<float> y = values(evaluate(Softmax{.axis = 1}, iota({2, 3})));
  EXPECT_NEAR(y[0] + y[1] + y[2], 1, 1e-6);
  EXPECT_NEAR(y[2] / y[1], std::exp(1.0), 1e-5);
}

TEST(FloatModel, PoolsHandlePaddingDilationAndCeiling) {
  const Tensor x = iota({1, 1, 3, 3}, 1);  // 1..9
  MaxPool max;
  max.window = {.kernel = {2, 2}, .stride = {2, 2}};
  EXPECT_THAT(values(evaluate(max, x)), ElementsAre(5));
  max.window.ceil_mode = true;
  EXPECT_THAT(values(evaluate(max, x)), ElementsAre(5, 6, 8, 9));
  max.window = {.kernel = {2, 2}, .stride = {1, 1}, .dilation = {2, 2}};
  EXPECT_THAT(values(evaluate(max, x)), ElementsAre(9));
  max.window = {.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 0, 0, 1}};
  EXPECT_THAT(values(evaluate(max, x)), ElementsAre(2, 3, 8, 9));

  AveragePool average;
  average.window = {.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1, 1, 1}};
  EXPECT_THAT(values(evaluate(average, x)), ElementsAre(1, 2.5f, 5.5f, 7));
  average.count_include_pad = true;
  EXPECT_THAT(values(evaluate(average, x)), ElementsAre(0.25f, 1.25f, 2.75f, 7));
  average.count_include_pad = false;
  average.window = {.kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true};
  EXPECT_THAT(values(evaluate(average, x)), ElementsAre(3, 4.5f, 7.5f, 9));
  average.window = {.kernel = {2, 2}, .stride = {1, 1}, .dilation = {2, 2}};
  EXPECT_THAT(values(evaluate(average, x)), ElementsAre(5));
  EXPECT_THAT(values(evaluate(GlobalAveragePool{}, x)), ElementsAre(5));
}

TEST(FloatModel, ShapeOperatorsMoveElements) {
  const Tensor x = iota({1, 2, 3});
  EXPECT_THAT(values(evaluate(Flatten{.axis = 1}, x)), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(evaluate(Reshape{{0, -1, 2}}, x).shape(), (Shape{1, 3, 2}));
  EXPECT_THAT(values(evaluate(Transpose{{0, 2, 1}}, x)), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_EQ(evaluate(Unsqueeze{{0, -1}}, x).shape(), (Shape{1, 1, 2, 3, 1}));
  EXPECT_EQ(evaluate(Squeeze{{0}}, x).shape(), (Shape{2, 3}));
  EXPECT_THAT(values(evaluate(Identity{}, x)), ElementsAreArray(values(x)));
  EXPECT_THAT(values(evaluate(Concat{.axis = 2}, x, {iota({1, 2, 1}, 9)})),
              ElementsAre(0, 1, 2, 9, 3, 4, 5, 10));
}

TEST(FloatModel, SliceFollowsOnnxBounds) {
  const Tensor x = iota({1, 5});
  const auto slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return values(evaluate(Slice{{start}, {end}, {1}, {step}}, x));
  };
  EXPECT_THAT(slice(1, 4, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(slice(-3, 1000, 2), ElementsAre(2, 4));
  EXPECT_THAT(slice(-1, -1000, -2), ElementsAre(4, 2, 0));
  EXPECT_THAT(slice(3, 0, -1), ElementsAre(3, 2, 1));
}

TEST(FloatModel, PadWritesItsValue) {
  const Pad pad{{0, 0, 1, 0, 0, 0, 0, 1}, 7};
  EXPECT_THAT(values(evaluate(pad, iota({1, 1, 1, 2}))), ElementsAre(7, 7, 7, 0, 1, 7));
}

TEST(FloatModel, GivesIntermediateValuesForAnyBatch) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 2});
  const ValueId weight =
      graph.add_constant("w", Tensor::from(Shape{1, 2}, std::vector<float>{1, -1}));
  const ValueId y = graph.add("fc", Gemm{}, {x, weight});
  const ValueId z = graph.add("relu", Relu{}, {y});
  graph.add_output(z);
  infer_shapes(graph);
  const FloatModel model(graph);
  const std::vector<ValueId> requested{z, y, x, weight};
  const std::vector<Tensor> got = model.forward(iota({3, 2}), requested);
  EXPECT_THAT(values(got[0]), ElementsAre(0, 0, 0));
  EXPECT_THAT(values(got[1]), ElementsAre(-1, -1, -1));
  EXPECT_EQ(got[2], iota({3, 2}));
  EXPECT_EQ(got[3], *graph.value(weight).constant);
}

TEST(FloatModel, RefusesQuantizedGraphsByNodeName) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{1, 2});
  graph.add_output(graph.add("quantize_x", QuantizeLinear{}, {x}));
  try {
    FloatModel model(graph);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("quantize_x"));
    EXPECT_THAT(error.what(), HasSubstr("QuantizeLinear"));
  }
}

TEST(FloatModel, RefusesUnknownDevices) {
  Graph graph;
  graph.add_output(graph.add("id", Identity{}, {graph.add_input("x", DType::kFloat32, Shape{1})}));
  try {
    FloatModel model(graph, "cdua");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("cuda"));
  }
}

}  // namespace
}  // namespace octet
