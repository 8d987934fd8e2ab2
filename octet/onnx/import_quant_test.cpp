#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor int8s(const Shape& shape, const std::vector<std::int8_t>& values) {
  return Tensor::from(shape, values);
}

/// x -> QuantizeLinear -> DequantizeLinear -> y, with the given scale and zero point.
TestModel pair_model(int opset, const Tensor& scale, const Tensor& zero_point) {
  TestModel model(opset, opset < 21 ? 8 : 10);
  model.input("x", {2, 3, 4, 4}).constant("scale", scale).constant("zero", zero_point);
  model.node("QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale", "zero"}, {"y"});
  model.output("y");
  return model;
}

TEST(ImportQuantTest, ReadsAPairInEachOpsetThatHasIt) {
  for (const int opset : {10, 13, 17, 21}) {
    const Graph graph =
        pair_model(opset, Tensor::scalar(0.5f), Tensor::scalar(std::uint8_t{3})).read();
    const TensorQuantParams expected{{0.5f}, {3}, std::nullopt, DType::kUInt8};
    EXPECT_EQ(find_op<QuantizeLinear>(graph)->params, expected) << opset;
    EXPECT_EQ(find_op<DequantizeLinear>(graph)->params, expected) << opset;
  }
}

TEST(ImportQuantTest, AScaleOfOneElementIsPerTensor) {
  const Graph graph = pair_model(13, floats({1}, {0.5f}), int8s({1}, {-3})).read();
  EXPECT_EQ(find_op<QuantizeLinear>(graph)->params,
            (TensorQuantParams{{0.5f}, {-3}, std::nullopt, DType::kInt8}));
}

TEST(ImportQuantTest, ReadsOneScalePerChannel) {
  TestModel model = pair_model(13, floats({3}, {0.5f, 0.25f, 0.125f}), int8s({3}, {0, 0, 0}));
  EXPECT_EQ(find_op<QuantizeLinear>(model.read())->params.axis, 1) << "ONNX's default";
}

TEST(ImportQuantTest, CountsANegativeAxisFromTheEndOfAKnownWeight) {
  TestModel model;
  model.input("x", {4, 2}).constant("w", int8s({2, 3}, {1, 2, 3, 4, 5, 6}));
  model.constant("scale", floats({3}, {0.5f, 0.25f, 0.125f})).output("y");
  set_int(model.node("DequantizeLinear", {"w", "scale"}, {"wf"}), "axis", -1);
  model.node("MatMul", {"x", "wf"}, {"y"});
  const Graph graph = model.read();
  const TensorQuantParams& params = find_op<DequantizeLinear>(graph)->params;
  EXPECT_EQ(params.axis, 1);
  EXPECT_EQ(params.dtype, DType::kInt8) << "from the weight: there is no zero point";
  EXPECT_THAT(params.zero_point, ElementsAre(0, 0, 0));
}

TEST(ImportQuantTest, TakesTheDtypeThroughOpsWhenThereIsNoZeroPoint) {
  TestModel model;
  model.input("x", {2, 3, 4, 4}).output("y");
  model.constant("scale", Tensor::scalar(0.5f)).constant("zero", Tensor::scalar(std::int8_t{0}));
  model.node("QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  set_ints(model.node("MaxPool", {"q"}, {"p"}), "kernel_shape", {2, 2});
  model.node("DequantizeLinear", {"p", "scale"}, {"y"});
  EXPECT_EQ(find_op<DequantizeLinear>(model.read())->params.dtype, DType::kInt8);
}

TEST(ImportQuantTest, ReadsAnInt32Bias) {
  TestModel model;
  model.input("x", {4, 2}).constant("w", ramp({3, 2})).output("y");
  model.constant("b", Tensor::from(Shape{3}, std::vector<std::int32_t>{1, 2, 3}));
  model.constant("scale", floats({3}, {0.5f, 0.25f, 0.125f}));
  set_int(model.node("DequantizeLinear", {"b", "scale"}, {"bf"}), "axis", 0);
  set_int(model.node("Gemm", {"x", "w", "bf"}, {"y"}), "transB", 1);
  const Graph graph = model.read();
  ASSERT_EQ(graph.nodes().size(), 2u) << to_string(graph);
  EXPECT_EQ(graph.nodes()[1].inputs.size(), 3u) << "the bias belongs to Gemm, no Add";
  EXPECT_EQ(find_op<DequantizeLinear>(graph)->params.dtype, DType::kInt32);
}

TEST(ImportQuantTest, FindsAZeroPointBehindIdentity) {
  TestModel model;
  model.input("x", {2}).output("y");
  model.constant("scale", Tensor::scalar(0.5f)).constant("zero", Tensor::scalar(std::uint8_t{9}));
  model.node("Identity", {"zero"}, {"same"});
  model.node("QuantizeLinear", {"x", "scale", "same"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale", "same"}, {"y"});
  EXPECT_THAT(find_op<QuantizeLinear>(model.read())->params.zero_point, ElementsAre(9));
}

TEST(ImportQuantTest, RefusesScalesThatAreNotPositiveNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float scale : {0.0f, -1.0f, std::nanf(""), kInfinity, -kInfinity}) {
    const TestModel model = pair_model(13, Tensor::scalar(scale), Tensor::scalar(std::uint8_t{0}));
    EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { model.read(); }), HasSubstr("scale"));
  }
}

TEST(ImportQuantTest, ComputedScalesAreInputsOfAFunction) {
  TestModel model;
  model.input("x", {2}).input("scale", {}).output("q");
  model.node("QuantizeLinear", {"x", "scale"}, {"q"});
  const Graph graph = model.read();
  ASSERT_TRUE(find_op<Function>(graph));
  EXPECT_EQ(graph.nodes()[0].inputs.size(), 2u);
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kUInt8);
}

TEST(ImportQuantTest, RefusesZeroPointsThatDoNotFit) {
  const auto error_of = [](const Tensor& scale, const Tensor& zero, ErrorKind kind) {
    return expect_error(kind, [&] { pair_model(13, scale, zero).read(); });
  };
  EXPECT_THAT(error_of(floats({3}, {1, 1, 1}), int8s({2}, {0, 0}), ErrorKind::kBadData),
              HasSubstr("zero point"));
  EXPECT_THAT(error_of(Tensor::scalar(1.0f), Tensor::scalar(1.0f), ErrorKind::kUnsupported),
              HasSubstr("zero point"));
  error_of(floats({4}, {1, 1, 1, 1}), int8s({4}, {0, 0, 0, 0}), ErrorKind::kBadData);
  error_of(floats({1, 1}, {1}), int8s({1, 1}, {0}), ErrorKind::kUnsupported);
}

TEST(ImportQuantTest, BlocksHaveAScaleEach) {
  const auto model = [](const Shape& scale) {
    const std::vector<std::int8_t> zeros(static_cast<std::size_t>(scale.num_elements()), 0);
    TestModel result = pair_model(21, ramp(scale), int8s(scale, zeros));
    for (int i : {0, 1}) {
      octet_onnx::NodeProto& node = *result.graph().mutable_node(i);
      set_int(node, "block_size", 3);
      set_int(node, "axis", -2);
    }
    return result;
  };
  const Graph graph = model({2, 3, 2, 4}).read();  // of [2, 3, 4, 4]
  EXPECT_FALSE(find_op<QuantizeLinear>(graph));
  expect_round_trip(graph);
  for (const Shape& wrong : {Shape{2, 3, 4, 4}, Shape{2, 3, 1, 4}, Shape{2}, Shape{}}) {
    EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { model(wrong).read(); }),
                HasSubstr("one per block"));
  }
}

TEST(ImportQuantTest, QuantizesFloatWeights) {
  TestModel model;
  model.input("x", {4, 2}).constant("w", floats({2, 2}, {1, 2, -3, 40})).output("y");
  model.constant("scale", floats({2}, {0.5f, 0.25f})).constant("zero", int8s({2}, {0, 0}));
  set_int(model.node("QuantizeLinear", {"w", "scale", "zero"}, {"wq"}), "axis", 1);
  set_int(model.node("DequantizeLinear", {"wq", "scale"}, {"wf"}), "axis", 1);
  model.node("MatMul", {"x", "wf"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(find_op<QuantizeLinear>(graph), nullptr);
  EXPECT_EQ(graph.value(*graph.find_value("wq")).constant, int8s({2, 2}, {2, 8, -6, 127}));
  expect_round_trip(graph);

  model.graph().mutable_node(0)->mutable_attribute(0)->set_i(0);
  model.graph().mutable_initializer(0)->set_dims(0, 4);
  model.graph().mutable_initializer(0)->set_dims(1, 1);
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { model.read(); }), HasSubstr("2 scales"));
}

TEST(ImportQuantTest, FindsParametersBehindCast) {
  TestModel model;
  model.input("x", {2}).output("y");
  model.constant("scale", floats({1}, {0.5f})).constant("long", ints({9}));
  set_int(model.node("Cast", {"long"}, {"zero"}), "to", octet_onnx::TensorProto::UINT8);
  model.node("QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale", "zero"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(find_op<QuantizeLinear>(graph)->params,
            (TensorQuantParams{{0.5f}, {9}, std::nullopt, DType::kUInt8}));
  EXPECT_EQ(graph.nodes().size(), 2u) << to_string(graph);
}

TEST(ImportQuantTest, AScaleOfOneElementQuantizesAWholeWeight) {
  TestModel model;
  model.input("x", {4, 2}).constant("w", floats({2, 2}, {1, 2, -3, 40})).output("y");
  model.constant("scale", floats({1}, {0.5f})).constant("zero", int8s({1}, {0}));
  model.node("QuantizeLinear", {"w", "scale", "zero"}, {"wq"});
  model.node("DequantizeLinear", {"wq", "scale", "zero"}, {"wf"});
  set_int(model.node("Gemm", {"x", "wf"}, {"y"}), "transB", 1);
  const Graph graph = model.read();
  EXPECT_EQ(find_op<DequantizeLinear>(graph)->params.axis, std::nullopt);
  EXPECT_EQ(graph.value(*graph.find_value("wq")).dtype, DType::kInt8);
  EXPECT_EQ(graph.value(*graph.find_value("wq")).constant, int8s({2, 2}, {2, 4, -6, 80}));
}

TEST(ImportQuantTest, AConvolutionOverOneAxisTakesADequantizedWeight) {
  TestModel model;
  model.input("x", {1, 2, 8}).output("y").constant("w", int8s({3, 2, 1}, {1, 2, 3, 4, 5, 6}));
  model.constant("scale", floats({3}, {0.5f, 0.25f, 0.125f}));
  set_int(model.node("DequantizeLinear", {"w", "scale"}, {"wf"}), "axis", 0);
  model.node("Conv", {"x", "wf"}, {"y"});
  EXPECT_TRUE(find_op<Conv2d>(model.read()));
  expect_round_trip(model.read());
}

TEST(ImportQuantTest, AQuantizedWeightMayBeAnOutputThatNothingReads) {
  TestModel model;
  model.constant("w", floats({2}, {1, -3})).constant("scale", floats({}, {0.5f})).output("y");
  model.constant("zero", int8s({}, {1})).node("QuantizeLinear", {"w", "scale", "zero"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.value(graph.outputs()[0]).constant, int8s({2}, {3, -5}));
  expect_round_trip(graph);
}

TEST(ImportQuantTest, ReadsADynamicallyQuantizedProduct) {
  TestModel model;
  model.input("x", {kDynamicDim, 2}).constant("w", int8s({2, 3}, {1, 2, 3, 4, 5, 6}));
  model.constant("w_scale", Tensor::scalar(0.5f)).output("y");
  model.constant("w_zero", Tensor::scalar(std::int8_t{0}));
  model.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  model.node("MatMulInteger", {"q", "w", "z", "w_zero"}, {"acc"});
  set_int(model.node("Cast", {"acc"}, {"f"}), "to", octet_onnx::TensorProto::FLOAT);
  model.node("Mul", {"s", "w_scale"}, {"m"});
  model.node("Mul", {"f", "m"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.nodes().size(), 5u);
  EXPECT_EQ(graph.nodes()[0].outputs.size(), 3u);
}

}  // namespace
}  // namespace octet
