#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/graph/functions/elementwise.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/tensor_function.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();

/// A model with one node of `op_type` on float inputs of shape [2, 3].
struct OneNode {
  OneNode(int opset, const std::string& op_type, int inputs, DType dtype = DType::kFloat32)
      : model(opset) {
    std::vector<std::string> names;
    for (int i = 0; i < inputs; ++i) {
      names.push_back(numbered("x", i));
      model.input(names.back(), {2, 3}, dtype);
    }
    model.output("y");
    node = &model.node(op_type, names, {"y"});
  }
  Op op() const { return model.read().nodes().back().op; }

  TestModel model;
  octet_onnx::NodeProto* node;
};

TEST(ImportElementwiseTest, ReadsUnaryOperatorsFromTheirFirstOpsetOn) {
  const std::pair<const char*, int> cases[] = {
      {"Abs", 7},   {"Neg", 7},        {"Exp", 7},        {"Log", 7},      {"Sqrt", 7},
      {"Erf", 9},   {"Reciprocal", 7}, {"Elu", 7},        {"Celu", 12},    {"Selu", 7},
      {"Floor", 7}, {"LeakyRelu", 7},  {"Softplus", 7},   {"Sign", 9},     {"ThresholdedRelu", 10},
      {"Ceil", 7},  {"Round", 11},     {"Softsign", 7},   {"IsNaN", 9},    {"Sin", 7},
      {"Cos", 7},   {"Tan", 7},        {"Asin", 7},       {"Acos", 7},     {"Atan", 7},
      {"Sinh", 9},  {"Cosh", 9},       {"Asinh", 9},      {"Acosh", 9},    {"Atanh", 9},
      {"Mish", 18}, {"Gelu", 20},      {"HardSwish", 14}, {"Identity", 7}, {"Sigmoid", 7}};
  for (const auto& [op_type, since] : cases) {
    for (const int opset : {since, 25}) {
      if (std::string_view(op_type) == "Identity") continue;  // a pass removes it
      EXPECT_EQ(op_name(OneNode(opset, op_type, 1).op()), op_type) << opset;
    }
    if (since > 7) {
      expect_error(ErrorKind::kUnsupported, [&] { OneNode(since - 1, op_type, 1).op(); });
    }
  }
  EXPECT_EQ(op_name(OneNode(1, "Not", 1, DType::kBool).op()), "Not");
}

TEST(ImportElementwiseTest, ReadsBinaryOperators) {
  for (const char* op_type : {"Pow", "Min", "Max", "Less", "LessOrEqual", "Greater", "PRelu",
                              "GreaterOrEqual", "Equal"}) {
    EXPECT_EQ(op_name(OneNode(13, op_type, 2).op()), op_type);
    expect_error(ErrorKind::kBadData, [&] { OneNode(13, op_type, 2, DType::kUInt4).op(); });
  }
  for (const char* op_type : {"And", "Or", "Xor"}) {
    EXPECT_EQ(op_name(OneNode(7, op_type, 2, DType::kBool).op()), op_type);
    expect_error(ErrorKind::kBadData, [&] { OneNode(7, op_type, 2).op(); });
    expect_error(ErrorKind::kBadData, [&] { OneNode(7, op_type, 1, DType::kBool).op(); });
  }
  for (const char* op_type : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
    EXPECT_EQ(op_name(OneNode(18, op_type, 2, DType::kUInt8).op()), op_type);
  }
}

TEST(ImportElementwiseTest, ReadsAttributesAndTheirDefaults) {
  EXPECT_EQ(OneNode(13, "Elu", 1).op(), unary(UnaryFunction::kElu, 1.0f));
  EXPECT_EQ(OneNode(13, "LeakyRelu", 1).op(), unary(UnaryFunction::kLeakyRelu, 0.01f));
  EXPECT_EQ(OneNode(13, "ThresholdedRelu", 1).op(), unary(UnaryFunction::kThresholdedRelu, 1.0f));
  EXPECT_EQ(OneNode(13, "Celu", 1).op(), unary(UnaryFunction::kCelu, 1.0f));
  EXPECT_EQ(OneNode(13, "HardSigmoid", 1).op(), Op(HardSigmoid{}));
  OneNode selu(13, "Selu", 1);
  set_float(*selu.node, "alpha", 2.0f);
  set_float(*selu.node, "gamma", 3.0f);
  EXPECT_EQ(selu.op(), unary(UnaryFunction::kSelu, 2.0f, 3.0f));
  OneNode gelu(20, "Gelu", 1);
  EXPECT_EQ(gelu.op(), unary(UnaryFunction::kGelu));
  set_string(*gelu.node, "approximate", "tanh");
  EXPECT_EQ(gelu.op(), unary(UnaryFunction::kGeluTanh));
  OneNode mod(10, "Mod", 2, DType::kInt32);
  EXPECT_EQ(mod.op(), binary(BinaryFunction::kMod));
  set_int(*mod.node, "fmod", 1);
  EXPECT_EQ(mod.op(), binary(BinaryFunction::kFmod));
}

TEST(ImportElementwiseTest, RefusesAttributesThatMeanNothing) {
  OneNode gelu(20, "Gelu", 1);
  set_string(*gelu.node, "approximate", "sigmoid");
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { gelu.op(); }), HasSubstr("none, tanh"));
  OneNode mod(10, "Mod", 2, DType::kInt32);
  set_int(*mod.node, "fmod", 2);
  expect_error(ErrorKind::kBadData, [&] { mod.op(); });
  expect_error(ErrorKind::kBadData, [&] { OneNode(10, "Mod", 2).op(); });
  OneNode elu(13, "Elu", 1);
  set_float(*elu.node, "alpha", std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { elu.op(); }), HasSubstr("'alpha'"));
  OneNode abs(13, "Abs", 1);
  set_float(*abs.node, "alpha", 1.0f);
  expect_error(ErrorKind::kUnsupported, [&] { abs.op(); });
}

TEST(ImportElementwiseTest, VariadicOperatorsAreChains) {
  EXPECT_EQ(OneNode(8, "Max", 4).model.read().nodes().size(), 3u);
  EXPECT_EQ(OneNode(8, "Min", 2).model.read().nodes().size(), 1u);
  EXPECT_EQ(OneNode(8, "Sum", 3).op(), Op(Add{}));
  const Graph mean = OneNode(13, "Mean", 3).model.read();
  ASSERT_EQ(mean.nodes().size(), 3u);
  EXPECT_EQ(mean.nodes()[2].op, Op(Div{}));
  EXPECT_EQ(mean.value(*mean.nodes()[2].inputs[1]).constant, Tensor::scalar(3.0f));
  for (const char* op_type : {"Max", "Min", "Sum", "Mean"}) {
    EXPECT_LE(OneNode(13, op_type, 1).model.read().nodes().size(), 1u);
    expect_error(ErrorKind::kBadData, [&] { OneNode(13, op_type, 0).model.read(); });
  }
}

TEST(ImportElementwiseTest, ClipIsTypedWhereItsBoundsAreConstantFloats) {
  TestModel constant;
  constant.input("x", {3}).constant("low", Tensor::scalar(2.0f)).output("y");
  constant.constant("high", Tensor::scalar(1.0f)).node("Clip", {"x", "low", "high"}, {"y"});
  EXPECT_EQ(find_op<Clip>(constant.read())->range, (Clamp{1.0f, 1.0f})) << "max wins";

  TestModel integers;
  integers.input("x", {3}, DType::kInt8).constant("low", Tensor::scalar(std::int8_t{-2}));
  integers.output("y").node("Clip", {"x", "low"}, {"y"});
  EXPECT_EQ(integers.read().nodes()[0].op, clip_by_inputs());

  TestModel computed;
  computed.input("x", {3}).input("high", {}).output("y");
  computed.node("Clip", {"x", "", "high"}, {"y"});
  const Graph graph = computed.read();
  EXPECT_EQ(graph.nodes()[0].op, clip_by_inputs());
  EXPECT_FALSE(graph.nodes()[0].inputs[1].has_value());

  TestModel wide;
  wide.input("x", {3}).constant("low", ramp({2})).output("y").node("Clip", {"x", "low"}, {"y"});
  expect_error(ErrorKind::kBadData, [&] { wide.read(); });
}

TEST(ImportElementwiseTest, CastLikeIsACast) {
  TestModel model(15);
  model.input("x", {3}).input("like", {}, DType::kInt64).output("y");
  model.node("CastLike", {"x", "like"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.nodes()[0].op, Op(Cast{DType::kInt64}));
  EXPECT_EQ(graph.nodes()[0].inputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kInt64);
}

TEST(ImportElementwiseTest, DropoutIsKeptOnlyWhereItMayTrain) {
  TestModel trains(12);
  trains.input("x", {3}).constant("on", Tensor::scalar(true)).output("y").output("mask");
  auto& node = trains.node("Dropout", {"x", "", "on"}, {"y", "mask"});
  set_int(node, "seed", 7);
  const Graph graph = trains.read();
  EXPECT_EQ(graph.nodes()[0].op, dropout(7));
  EXPECT_EQ(graph.value(graph.outputs()[1]).dtype, DType::kBool);
  expect_round_trip(graph);

  TestModel computed(13);
  computed.input("x", {3}).input("on", {}, DType::kBool).output("y");
  computed.node("Dropout", {"x", "", "on"}, {"y"});
  EXPECT_EQ(computed.read().nodes()[0].op, dropout({}));

  TestModel wrong(13);
  wrong.input("x", {3}).constant("on", Tensor::scalar(1.0f)).output("y");
  wrong.node("Dropout", {"x", "", "on"}, {"y"});
  expect_error(ErrorKind::kBadData, [&] { wrong.read(); });
}

TEST(ImportElementwiseTest, TheMaskOfOldDropoutHasTheDtypeOfItsInput) {
  for (const int opset : {7, 10}) {
    TestModel model(opset);
    model.input("x", {2}).output("y").output("mask");
    set_float(model.node("Dropout", {"x"}, {"y", "mask"}), "ratio", 0.1f);
    Graph graph = model.read();
    run_passes(graph, inference_passes());
    const Tensor mask = *graph.value(graph.outputs()[1]).constant;
    EXPECT_EQ(mask.dtype(), opset < 10 ? DType::kFloat32 : DType::kBool);
  }
}

TEST(ImportElementwiseTest, AMaskIsNotTheDataOfItsDropout) {
  TestModel model(12);
  model.input("x", {1, 3, 4, 4}).constant("c", Tensor::scalar(6.0f)).output("y");
  model.node("Dropout", {"c"}, {"same", "mask"});
  model.node("Cast", {"mask"}, {"one"});
  set_int(model.graph().mutable_node(1)[0], "to", 1);
  model.node("Clip", {"x", "", "one"}, {"z"});
  model.node("Clip", {"z", "", "same"}, {"y"});
  Graph graph = model.read();
  run_passes(graph, inference_passes());
  EXPECT_EQ(graph.nodes()[0].op, clip_by_inputs());
  EXPECT_EQ(graph.value(*graph.nodes()[0].inputs[2]).constant, Tensor::scalar(1.0f));
  EXPECT_EQ(find_op<Clip>(graph)->range, (Clamp{-kInf, 6.0f}));
}

TEST(ImportElementwiseTest, FunctionsSurviveTheRoundTrip) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 3});
  const ValueId n = graph.add_input("n", DType::kInt32, {3});
  const ValueId low = graph.add_input("low", DType::kInt32, {});
  ValueId y = x;
  for (int i = 0; i <= static_cast<int>(UnaryFunction::kGeluTanh); ++i) {
    const auto function = static_cast<UnaryFunction>(i);
    if (function == UnaryFunction::kNot || function == UnaryFunction::kIsNaN) continue;
    const auto attributes = unary_attributes(function);
    y = graph.add(numbered("u", i),
                  unary(function, attributes[0].value, attributes[1].value + 0.5f), {y});
  }
  const ValueId is_nan = graph.add("is_nan", unary(UnaryFunction::kIsNaN), {y});
  const ValueId number = graph.add("not", unary(UnaryFunction::kNot), {is_nan});
  const ValueId power = graph.add("pow", binary(BinaryFunction::kPow), {y, n});
  const ValueId rest = graph.add("fmod", binary(BinaryFunction::kFmod), {power, x});
  graph.add_output(graph.add("where", where(), {number, rest, y}));
  const ValueId mod = graph.add("mod", binary(BinaryFunction::kMod), {n, low});
  const ValueId bits = graph.add("bits", binary(BinaryFunction::kBitwiseXor), {mod, n});
  graph.add_output(graph.add("clip", clip_by_inputs(), {bits, std::nullopt, low}));
  expect_round_trip(graph);
}

TEST(ImportElementwiseTest, ArithmeticOnBytesAsksForItsOpset) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kUInt8, {2});
  graph.add_output(graph.add("sum", Add{}, {x, x}));
  TestModel parsed;
  const std::vector<std::byte> bytes = to_onnx(graph);
  ASSERT_TRUE(parsed.proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(parsed.proto.opset_import(0).version(), 14);

  graph.add_output(graph.add("nibbles", Cast{DType::kUInt4}, {x}));
  const std::vector<std::byte> packed = to_onnx(graph);
  ASSERT_TRUE(parsed.proto.ParseFromArray(packed.data(), static_cast<int>(packed.size())));
  EXPECT_EQ(parsed.proto.opset_import(0).version(), 21);
  expect_round_trip(graph);
}

}  // namespace
}  // namespace octet
