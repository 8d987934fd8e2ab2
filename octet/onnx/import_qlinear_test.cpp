// Operators on codes, as ONNX Runtime's QOperator tool writes them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/onnx/run_definitions.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
using testing::ElementsAre;
using testing::HasSubstr;

Tensor codes(const Shape& shape, const std::vector<std::uint8_t>& values) {
  return Tensor::from(shape, values);
}

/// x uint8 with scale 0.5 and zero point 10; results with scale 0.25 and zero point 3.
class CodesModel : public TestModel {
 public:
  explicit CodesModel(const Shape& shape, int opset = 13) : TestModel(opset) {
    input("x", shape, DType::kUInt8).output("y");
    constant("xs", Tensor::scalar(0.5f)).constant("xz", Tensor::scalar(std::uint8_t{10}));
    constant("ys", Tensor::scalar(0.25f)).constant("yz", Tensor::scalar(std::uint8_t{3}));
  }
  NodeProto& microsoft(const std::string& op_type, const std::vector<std::string>& inputs) {
    NodeProto& added = node(op_type, inputs, {"y"});
    added.set_domain("com.microsoft");
    return added;
  }
  std::vector<int> run(const std::vector<std::uint8_t>& x) const {
    const Graph graph = read();
    const Tensor y = run_definitions(graph, {codes(graph.value(graph.inputs()[0]).shape, x)})[0];
    const auto data = y.data<std::uint8_t>();
    return {data.begin(), data.end()};
  }
};

std::string operators(const Graph& graph) {
  std::string names;
  for (const Node& node : graph.nodes()) {
    if (!names.empty()) names += ' ';
    names += op_name(node.op);
  }
  return names;
}

TEST(ImportQLinearTest, UnaryOperatorsAreTheirFunctionBetweenCodes) {
  const std::vector<std::string> inputs{"x", "xs", "xz", "ys", "yz"};
  CodesModel leaky({4});
  set_float(leaky.microsoft("QLinearLeakyRelu", inputs), "alpha", 0.5f);
  // 0.5 (q - 10) = -4, -1, 0, 3 -> -2, -0.5, 0, 3 in steps of 0.25, from 3.
  EXPECT_THAT(leaky.run({2, 8, 10, 16}), ElementsAre(0, 1, 3, 15));
  EXPECT_EQ(operators(leaky.read()), "DequantizeLinear LeakyRelu QuantizeLinear");

  CodesModel sigmoid({2});
  sigmoid.microsoft("QLinearSigmoid", inputs);
  EXPECT_THAT(sigmoid.run({10, 255}), ElementsAre(5, 7));
  EXPECT_TRUE(find_op<Sigmoid>(sigmoid.read()));

  CodesModel softmax({1, 2});
  NodeProto& node = softmax.microsoft("QLinearSoftmax", inputs);
  set_int(node, "axis", -1);
  set_int(node, "opset", 13);
  EXPECT_THAT(softmax.run({10, 10}), ElementsAre(5, 5));
  EXPECT_EQ(find_op<Softmax>(softmax.read())->axis, -1);
}

TEST(ImportQLinearTest, PoolsAverageCodes) {
  CodesModel global({1, 1, 2, 2});
  set_int(global.microsoft("QLinearGlobalAveragePool", {"x", "xs", "xz", "ys", "yz"}),
          "channels_last", 0);
  EXPECT_THAT(global.run({10, 12, 14, 16}), ElementsAre(3 + 6));
  EXPECT_TRUE(find_op<GlobalAveragePool>(global.read()));

  CodesModel window({1, 1, 2, 2});
  set_ints(window.microsoft("QLinearAveragePool", {"x", "xs", "xz", "ys", "yz"}), "kernel_shape",
           {1, 2});
  EXPECT_THAT(window.run({10, 12, 14, 16}), ElementsAre(3 + 2, 3 + 10));

  CodesModel last({1, 1, 2, 2});
  set_int(last.microsoft("QLinearGlobalAveragePool", {"x", "xs", "xz", "ys", "yz"}),
          "channels_last", 1);
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { last.read(); }),
              HasSubstr("node 'y' (QLinearGlobalAveragePool): attribute 'channels_last' = 1"));
}

TEST(ImportQLinearTest, BinaryOperatorsHaveTwoOperands) {
  const std::vector<std::string> inputs{"x", "xs", "xz", "c", "ys", "yz", "xs", "xz"};
  CodesModel sum({2});
  sum.constant("c", codes({2}, {3, 7}));
  sum.microsoft("QLinearAdd", inputs);
  // x + 0.25 (c - 3) = 1 + 0, -1 + 1.
  EXPECT_THAT(sum.run({12, 8}), ElementsAre(12, 10));
  CodesModel product({2});
  product.constant("c", codes({2}, {7, 7}));
  product.microsoft("QLinearMul", inputs);
  EXPECT_THAT(product.run({12, 8}), ElementsAre(12, 8));

  CodesModel missing({2});
  missing.microsoft("QLinearAdd", {"x", "xs", "xz"});
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { missing.read(); }),
              HasSubstr("node 'y' (QLinearAdd): 3 inputs and 1 outputs, accepted: 7 or 8 inputs"));
}

TEST(ImportQLinearTest, AMissingZeroPointAtTheEndIsZero) {
  CodesModel model({2});
  model.microsoft("QLinearSigmoid", {"x", "xs", "xz", "ys"});
  EXPECT_THAT(model.run({10, 255}), ElementsAre(2, 4));
}

TEST(ImportQLinearTest, ConcatHasItsResultFirst) {
  CodesModel model({1, 2});
  model.constant("c", codes({1, 1}, {5}));
  set_int(model.microsoft("QLinearConcat", {"ys", "yz", "x", "xs", "xz", "c", "ys", "yz"}), "axis",
          1);
  EXPECT_THAT(model.run({11, 12}), ElementsAre(5, 7, 5));
  EXPECT_EQ(operators(model.read()), "DequantizeLinear DequantizeLinear Concat QuantizeLinear");
}

/// [1, 2] times a constant [2, 2], a bias and, unless `of_floats`, codes as the result.
CodesModel qgemm(bool of_floats, float alpha, bool transposed) {
  CodesModel model({1, 2});
  model.constant("w", Tensor::from(Shape{2, 2}, std::vector<std::int8_t>{1, 2, 3, 4}));
  model.constant("ws", floats({2}, {1.0f, 0.5f}));
  model.constant("wz", Tensor::from(Shape{2}, std::vector<std::int8_t>{0, 0}));
  model.constant("c", Tensor::from(Shape{2}, std::vector<std::int32_t>{4, -8}));
  std::vector<std::string> inputs{"x", "xs", "xz", "w", "ws", "wz", "c"};
  if (!of_floats) inputs.insert(inputs.end(), {"ys", "yz"});
  NodeProto& node = model.microsoft("QGemm", inputs);
  set_float(node, "alpha", alpha);
  set_int(node, "transB", transposed);
  return model;
}

TEST(ImportQLinearTest, GemmCountsItsBiasInStepsOfTheProduct) {
  // x = 1, 2. W = [[1, 1], [3, 2]] by column, transposed [[1, 2], [1.5, 2]] by row.
  EXPECT_THAT(qgemm(false, 1.0f, false).run({12, 14}), ElementsAre(3 + 4 * 9, 3 + 4 * 3));
  EXPECT_THAT(qgemm(false, 1.0f, true).run({12, 14}), ElementsAre(3 + 4 * 7, 3 + 4 * 3.5));
  EXPECT_THAT(qgemm(false, 0.5f, false).run({12, 14}), ElementsAre(3 + 2 * 9, 3 + 2 * 3));
  const Tensor x = codes({1, 2}, {12, 14});
  EXPECT_THAT(run_definitions(qgemm(true, 1.0f, false).read(), {x})[0].data<float>(),
              ElementsAre(9, 3));
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [] { qgemm(false, -1.0f, false).read(); }),
              HasSubstr("node 'y' (QGemm): accepted: constant scales above 0"));
}

TEST(ImportQLinearTest, AConvolutionOfOneAxisIsOneOfTwo) {
  CodesModel model({1, 1, 4});
  model.constant("w", Tensor::from(Shape{1, 1, 2}, std::vector<std::int8_t>{1, 2}));
  model.constant("ws", Tensor::scalar(1.0f)).constant("wz", Tensor::scalar(std::int8_t{0}));
  model.node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"y"});
  // x = 0, 1, 2, 3: 2, 5, 8.
  EXPECT_THAT(model.run({10, 12, 14, 16}), ElementsAre(11, 23, 35));
  EXPECT_TRUE(find_op<Conv2d>(model.read()));
}

TEST(ImportQLinearTest, TheQuantizationOperatorsOfTheDomainAreOnnxs) {
  CodesModel model({2});
  model.microsoft("DequantizeLinear", {"x", "xs", "xz"});
  EXPECT_TRUE(find_op<DequantizeLinear>(model.read()));
}

TEST(ImportQLinearTest, OtherOperatorsOfTheDomainAreRefusedByName) {
  CodesModel model({2});
  model.microsoft("QLinearWhere", {"x", "xs", "xz"});
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { model.read(); }),
              HasSubstr("node 'y': operator 'QLinearWhere' of domain 'com.microsoft', accepted: "
                        "ONNX's own operators, and of com.microsoft MatMulNBits, QGemm, "
                        "QLinearAdd"));
}

TEST(ImportQLinearTest, NewNamesAvoidThoseOfTheFile) {
  CodesModel model({2});
  model.node("Identity", {"x"}, {"y_operand0"});
  model.output("y_operand0");
  model.microsoft("QLinearSigmoid", {"x", "xs", "xz", "ys", "yz"});
  EXPECT_EQ(model.read().outputs().size(), 2u);
}

}  // namespace
}  // namespace octet
