#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/onnx/momentum.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ImportTest, ReadsEveryAttributeOfConv) {
  TestModel model;
  model.input("x", {kDynamicDim, 4, 9, 9}).constant("w", ramp({6, 2, 3, 3}));
  model.constant("b", ramp({6})).output("y");
  auto& conv = model.node("Conv", {"x", "w", "b"}, {"y"});
  set_ints(conv, "strides", {2, 1});
  set_ints(conv, "dilations", {1, 2});
  set_ints(conv, "pads", {1, 2, 3, 4});
  set_ints(conv, "kernel_shape", {3, 3});
  set_int(conv, "group", 2);
  const Graph graph = model.read();
  ASSERT_EQ(graph.nodes().size(), 1u);
  const auto& op = std::get<Conv2d>(graph.nodes()[0].op);
  EXPECT_EQ(op, (Conv2d{.stride = {2, 1},
                        .dilation = {1, 2},
                        .padding = {1, 2, 3, 4},
                        .groups = 2,
                        .activation = {}}));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 6, 6, 11}));
}

struct SameCase {
  const char* mode;
  int input, kernel, stride, begin, end;
};

std::ostream& operator<<(std::ostream& out, const SameCase& same) {
  return out << same.mode << " input " << same.input << " kernel " << same.kernel << " stride "
             << same.stride;
}

class AutoPadTest : public testing::TestWithParam<SameCase> {};

TEST_P(AutoPadTest, GivesTheOutputCeilInputOverStride) {
  const SameCase& same = GetParam();
  for (const char* op_type : {"Conv", "MaxPool", "AveragePool"}) {
    TestModel model;
    model.input("x", {1, 1, same.input, same.input}).output("y");
    std::vector<std::string> inputs{"x"};
    if (op_type == std::string("Conv")) {
      inputs.emplace_back("w");
      model.constant("w", ramp({1, 1, same.kernel, same.kernel}));
    }
    auto& node = model.node(op_type, inputs, {"y"});
    set_string(node, "auto_pad", same.mode);
    set_ints(node, "kernel_shape", {same.kernel, same.kernel});
    set_ints(node, "strides", {same.stride, same.stride});
    const Graph graph = model.read();
    const int output = (same.input + same.stride - 1) / same.stride;
    EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{1, 1, output, output})) << op_type;
    const Padding expected{same.begin, same.begin, same.end, same.end};
    if (const auto* conv = find_op<Conv2d>(graph)) {
      EXPECT_EQ(conv->padding, expected);
    }
    if (const auto* pool = find_op<MaxPool>(graph)) {
      EXPECT_EQ(pool->window.padding, expected);
    }
    if (const auto* pool = find_op<AveragePool>(graph)) {
      EXPECT_EQ(pool->window.padding, expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    , AutoPadTest,
    testing::Values(SameCase{"SAME_UPPER", 8, 3, 2, 0, 1}, SameCase{"SAME_LOWER", 8, 3, 2, 1, 0},
                    SameCase{"SAME_UPPER", 9, 3, 2, 1, 1}, SameCase{"SAME_UPPER", 7, 4, 1, 1, 2},
                    SameCase{"SAME_UPPER", 10, 2, 3, 0, 1}, SameCase{"SAME_UPPER", 11, 2, 3, 0, 0},
                    SameCase{"SAME_LOWER", 5, 5, 1, 2, 2}));

TEST(ImportTest, AutoPadValidMeansNoPadding) {
  TestModel model;
  model.input("x", {1, 1, 8, 8}).output("y");
  auto& node = model.node("MaxPool", {"x"}, {"y"});
  set_string(node, "auto_pad", "VALID");
  set_ints(node, "kernel_shape", {3, 3});
  EXPECT_EQ(find_op<MaxPool>(model.read())->window.padding, Padding{});
}

TEST(ImportTest, RefusesConvolutionsOverFourAxes) {
  TestModel model;
  model.input("x", {3, 3, 3, 3, 3, 3}).constant("w", ramp({2, 3, 3, 3, 3, 3}));
  model.output("y").node("Conv", {"x", "w"}, {"y"});
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { model.read(); }), HasSubstr("1 to 3"));
}

TEST(ImportTest, ClipTakesItsBoundsFromAttributesBeforeOpset11) {
  TestModel model(10);
  model.input("x", {2}).output("y");
  auto& clip = model.node("Clip", {"x"}, {"y"});
  set_float(clip, "min", 0.0f);
  set_float(clip, "max", 6.0f);
  EXPECT_EQ(find_op<Clip>(model.read())->range, (Clamp{0.0f, 6.0f}));
}

TEST(ImportTest, ClipTakesItsBoundsFromConstantInputsSinceOpset11) {
  TestModel model(11);
  model.input("x", {2}).constant("low", Tensor::scalar(-1.0f)).output("y");
  set_tensor(model.node("Constant", {}, {"high"}), "value", Tensor::scalar(6.0f));
  model.node("Identity", {"high"}, {"same_high"});
  model.node("Clip", {"x", "low", "same_high"}, {"y"});
  EXPECT_EQ(find_op<Clip>(model.read())->range, (Clamp{-1.0f, 6.0f}));

  TestModel upper(13);
  upper.input("x", {2}).constant("high", Tensor::scalar(6.0f)).output("y");
  upper.node("Clip", {"x", "", "high"}, {"y"});
  EXPECT_EQ(find_op<Clip>(upper.read())->range, (Clamp{-kInfinity, 6.0f}));

  TestModel computed(13);
  computed.input("x", {2}).input("low", {}).output("y");
  computed.node("Clip", {"x", "low"}, {"y"});
  EXPECT_TRUE(find_op<Function>(computed.read()) != nullptr);
}

TEST(ImportTest, GemmFoldsAlphaAndBetaIntoConstants) {
  TestModel model;
  model.input("x", {kDynamicDim, 2}).constant("w", floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  model.constant("c", floats({1, 3}, {1, 2, 3})).output("y");
  auto& gemm = model.node("Gemm", {"x", "w", "c"}, {"y"});
  set_float(gemm, "alpha", 0.5f);
  set_float(gemm, "beta", 2.0f);
  set_int(gemm, "transB", 1);
  const Graph graph = model.read();
  ASSERT_EQ(graph.nodes().size(), 1u);
  const Node& node = graph.nodes()[0];
  EXPECT_EQ(node.op, Op(Gemm{}));
  EXPECT_EQ(graph.value(*node.inputs[1]).constant, floats({3, 2}, {.5f, 1, 1.5f, 2, 2.5f, 3}));
  EXPECT_EQ(graph.value(*node.inputs[2]).constant, floats({3}, {2, 4, 6}));
}

TEST(ImportTest, GemmBroadcastsAScalarAndAddsAMatrix) {
  TestModel model;
  model.input("x", {2, 2}).constant("w", ramp({2, 3})).constant("c", Tensor::scalar(7.0f));
  model.constant("m", ramp({2, 3})).output("z");
  model.node("Gemm", {"x", "w", "c"}, {"y"});
  model.node("Gemm", {"x", "w", "m"}, {"v"});
  model.node("Mul", {"y", "v"}, {"z"});
  const Graph graph = model.read();
  ASSERT_EQ(graph.nodes().size(), 4u) << to_string(graph);
  const Node& first = graph.nodes()[0];
  EXPECT_EQ(graph.value(*first.inputs[2]).constant, floats({3}, {7, 7, 7}));
  EXPECT_NE(find_op<Add>(graph), nullptr);
  EXPECT_FALSE(find_op<Gemm>(graph)->transpose_b);
}

TEST(ImportTest, GemmTransposesItsFirstInput) {
  TestModel model;
  model.input("x", {5, 2}).constant("w", ramp({5, 3})).output("y");
  set_int(model.node("Gemm", {"x", "w"}, {"y"}), "transA", 1);
  const Graph graph = model.read();
  EXPECT_NE(find_op<Transpose>(graph), nullptr);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{2, 3}));
}

TestModel batch_norm_model(int opset) {
  TestModel model(opset);
  model.input("x", {kDynamicDim, 2, 3, 3}).output("y");
  for (const char* name : {"s", "b", "m", "v"}) model.constant(name, ramp({2}));
  return model;
}

TEST(ImportTest, BatchNormMomentumIsPyTorchs) {
  TestModel model = batch_norm_model(9);
  auto& node = model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"});
  set_float(node, "momentum", 0.9f);
  set_float(node, "epsilon", 1e-3f);
  EXPECT_EQ(*find_op<BatchNorm>(model.read()), (BatchNorm{1e-3f, 0.1f}));
}

TEST(ImportTest, MomentumSurvivesTheWayToOnnxAndBack) {
  for (const float momentum : {0.0f, 0.001f, 0.01f, 0.05f, 0.1f, 0.25f, 0.3f, 0.9f, 0.99f, 1.0f}) {
    EXPECT_EQ(opposite_momentum(opposite_momentum(momentum)), momentum);
  }
}

TEST(ImportTest, RefusesBatchNormInTrainingMode) {
  TestModel model = batch_norm_model(14);
  model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y", "mean", "variance"});
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { model.read(); }),
              HasSubstr("training mode"));
}

TEST(ImportTest, OldSoftmaxOverOneLongAxisIsTodaysSoftmax) {
  for (const auto& [shape, axis] :
       {std::pair{Shape{kDynamicDim, 5}, 1}, std::pair{Shape{2, 5, 1, 1}, 1},
        std::pair{Shape{2, 3, 4}, 2}}) {
    TestModel model(11);
    model.input("x", shape).output("y");
    set_int(model.node("Softmax", {"x"}, {"y"}), "axis", axis);
    EXPECT_EQ(find_op<Softmax>(model.read())->axis, axis);
  }
}

TEST(ImportTest, MovesConstantShapesIntoTheOps) {
  TestModel model;
  model.input("x", {kDynamicDim, 4, 6}).output("y");
  model.constant("dims", ints({0, 2, 12})).constant("pads", ints({0, 0, 1, 0, 0, 2}));
  model.constant("one", ints({1})).constant("three", ints({3})).constant("axes", ints({1}));
  model.node("Reshape", {"x", "dims"}, {"r"});
  model.node("Pad", {"r", "pads"}, {"p"});
  model.node("Slice", {"p", "one", "three", "axes"}, {"s"});
  model.node("Unsqueeze", {"s", "axes"}, {"u"});
  model.node("Squeeze", {"u", "axes"}, {"y"});
  const Graph graph = model.read();
  EXPECT_THAT(find_op<Reshape>(graph)->dims, ElementsAre(0, 2, 12));
  EXPECT_THAT(find_op<Pad>(graph)->pads, ElementsAre(0, 0, 1, 0, 0, 2));
  EXPECT_EQ(*find_op<Slice>(graph), (Slice{{1}, {3}, {1}, {1}}));
  EXPECT_THAT(find_op<Unsqueeze>(graph)->axes, ElementsAre(1));
  EXPECT_THAT(find_op<Squeeze>(graph)->axes, ElementsAre(1));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 1, 15}));
}

TEST(ImportTest, ReadsTheAttributesThatOldOpsetsHadInsteadOfInputs) {
  TestModel model(9);
  model.input("x", {kDynamicDim, 4, 6}).output("y");
  auto& slice = model.node("Slice", {"x"}, {"s"});
  set_ints(slice, "starts", {0, 1});
  set_ints(slice, "ends", {9223372036854775807, 3});
  auto& pad = model.node("Pad", {"s"}, {"p"});
  set_ints(pad, "pads", {0, 0, 1, 0, 0, 2});
  set_float(pad, "value", 2.5f);
  set_ints(model.node("Unsqueeze", {"p"}, {"u"}), "axes", {2});
  set_ints(model.node("Squeeze", {"u"}, {"y"}), "axes", {2});
  const Graph graph = model.read();
  EXPECT_THAT(find_op<Slice>(graph)->axes, ElementsAre(0, 1));
  EXPECT_EQ(find_op<Pad>(graph)->value, 2.5f);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 2, 9}));
}

TEST(ImportTest, ReadsEveryFormOfConstant) {
  TestModel model;
  model.input("x", {3}).output("y");
  set_tensor(model.node("Constant", {}, {"tensor"}), "value", floats({1}, {1.0f}));
  set_float(model.node("Constant", {}, {"float"}), "value_float", 2.0f);
  set_floats(model.node("Constant", {}, {"floats"}), "value_floats", {3.0f, 4.0f, 5.0f});
  set_ints(model.node("Constant", {}, {"ints"}), "value_ints", {1, 3});
  set_int(model.node("Constant", {}, {"int"}), "value_int", 0);
  model.node("Add", {"x", "tensor"}, {"a"});
  model.node("Add", {"a", "float"}, {"b"});
  model.node("Add", {"b", "floats"}, {"c"});
  model.node("Reshape", {"c", "ints"}, {"d"});
  model.node("Gather", {"d", "int"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.nodes().size(), 5u);
  EXPECT_EQ(graph.value(*graph.find_value("floats")).constant, floats({3}, {3, 4, 5}));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{3}));
}

TEST(ImportTest, DropsDropoutAndKnowsItsMask) {
  TestModel model(11);
  model.input("x", {3}).output("y");
  model.node("Relu", {"x"}, {"r"});
  set_float(model.node("Dropout", {"r"}, {"d", "mask"}), "ratio", 0.5f);
  model.node("Sigmoid", {"d"}, {"y"});
  EXPECT_EQ(model.read().nodes().size(), 2u);
  model.output("mask");
  const Graph graph = model.read();
  EXPECT_EQ(graph.value(graph.outputs()[1]).constant,
            Tensor::from(Shape{3}, std::span<const bool>(std::array{true, true, true})));
}

TEST(ImportTest, ShapeTakesAPart) {
  TestModel model(15);
  model.input("x", {2, 3, 4}).input("z", {12}).output("y");
  auto& shape = model.node("Shape", {"x"}, {"s"});
  set_int(shape, "start", -2);
  model.node("Reshape", {"z", "s"}, {"y"});
  EXPECT_EQ(model.read().value(model.read().outputs()[0]).shape, (Shape{3, 4}));
}

TEST(ImportTest, InitializersListedAsInputsAreConstants) {
  TestModel model(8, 3);
  model.input("x", {2, 3}).input("w", {3, 4}).constant("w", ramp({3, 4}));
  model.output("y").node("MatMul", {"x", "w"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.inputs().size(), 1u);
  EXPECT_TRUE(graph.value(*graph.find_value("w")).constant);
}

TEST(ImportTest, SortsNodesThatAreOutOfOrder) {
  TestModel model;
  model.input("x", {2}).output("y");
  model.node("Relu", {"a"}, {"y"});
  model.node("Clip", {"x", "low"}, {"a"});
  set_float(model.node("Constant", {}, {"low"}), "value_float", -3.0f);
  const Graph graph = model.read();
  EXPECT_EQ(graph.nodes()[0].name, "a");
  EXPECT_EQ(graph.nodes()[1].name, "y");
}

TEST(ImportTest, KeepsOneSymbolicBatchAndOtherSizesUnknown) {
  TestModel fixed;
  fixed.input("x", {1, 3}).output("y").node("Relu", {"x"}, {"y"});
  EXPECT_EQ(fixed.read().value(ValueId{0}).shape, (Shape{1, 3}));

  TestModel unnamed;
  unnamed.input("x", {1, 3}).output("y").node("Relu", {"x"}, {"y"});
  unnamed.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->Clear();
  EXPECT_EQ(unnamed.read().value(ValueId{0}).shape, (Shape{kDynamicDim, 3}));

  TestModel width;
  width.input("x", {1, kDynamicDim}).output("y").node("Relu", {"x"}, {"y"});
  EXPECT_EQ(width.read().value(ValueId{0}).shape, (Shape{1, kUnknownDim}));
  EXPECT_THAT(width.read().value(ValueId{0}).dim_names, testing::ElementsAre("", "N"));

  TestModel square;
  square.input("x", {kDynamicDim, kDynamicDim}).output("y").node("Relu", {"x"}, {"y"});
  EXPECT_EQ(square.read().value(ValueId{0}).shape, (Shape{kUnknownDim, kUnknownDim}));

  TestModel two;
  two.input("x", {kDynamicDim, 3}).input("z", {kDynamicDim, 3}).output("y");
  two.node("Add", {"x", "z"}, {"y"});
  two.read();
  two.graph()
      .mutable_input(1)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_param("M");
  const Graph graph = two.read();
  EXPECT_EQ(graph.value(graph.inputs()[0]).shape, (Shape{kDynamicDim, 3}));
  EXPECT_EQ(graph.value(graph.inputs()[1]).shape, (Shape{kUnknownDim, 3}));
  const Graph again = import_onnx(std::span<const std::byte>(to_onnx(graph)));
  EXPECT_EQ(again.value(again.inputs()[1]).shape, (Shape{kUnknownDim, 3}));
  EXPECT_THAT(again.value(again.inputs()[1]).dim_names, testing::ElementsAre("M", ""));
}

TEST(ImportTest, TakesABatchThatFitsOnlySomeSizesForUnknown) {
  TestModel model;
  model.input("x", {kDynamicDim, 3}).constant("w", Tensor(DType::kFloat32, {5, 3}));
  model.output("y").node("Add", {"x", "w"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.value(graph.inputs()[0]).shape, (Shape{kUnknownDim, 3}));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{5, 3}));

  TestModel wrong;  // whatever the batch is
  wrong.input("x", {kDynamicDim, 3}).constant("w", Tensor(DType::kFloat32, {5, 4}));
  wrong.output("y").node("Add", {"x", "w"}, {"y"});
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { wrong.read(); }), HasSubstr("[N, 3]"));
}

TEST(ImportTest, IgnoresOpsetsOfDomainsThatNoNodeUses) {
  TestModel model;
  model.input("x", {2}).output("y").node("Relu", {"x"}, {"y"});
  auto& other = *model.proto.add_opset_import();
  other.set_domain("com.microsoft");
  other.set_version(1);
  EXPECT_EQ(model.read().nodes().size(), 1u);
}

TEST(ImportTest, CarriesMetadata) {
  TestModel model;
  model.input("x", {2}).output("y").node("Relu", {"x"}, {"y"});
  auto& property = *model.proto.add_metadata_props();
  property.set_key("octet.model");
  property.set_value("small_cnn");
  EXPECT_EQ(model.read().metadata.at("octet.model"), "small_cnn");
}

TEST(ImportTest, FixesInputsThatHaveToBeConstants) {
  TestModel model;
  model.input("x", {2, 6}).input("dims", {2}, DType::kInt64).output("y");
  model.node("Reshape", {"x", "dims"}, {"y"});
  const std::vector<std::byte> bytes = model.bytes();
  const auto read = [&](const std::string& name, const Tensor& value) {
    return import_onnx(std::span<const std::byte>(bytes), {.fixed_inputs = {{name, value}}});
  };
  const Graph graph = read("dims", ints({3, 4}));
  EXPECT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{3, 4}));
  expect_error(ErrorKind::kUsage, [&] { read("dimensions", ints({3, 4})); });
  expect_error(ErrorKind::kBadData, [&] { read("dims", ints({3, 2, 2})); });
  expect_error(ErrorKind::kBadData, [&] { read("dims", ramp({2})); });
}

TEST(ImportTest, AGraphMayBeItsInput) {
  TestModel model;
  model.input("x", {2}).output("x");
  const Graph graph = model.read();
  EXPECT_EQ(graph.inputs(), graph.outputs());
}

}  // namespace
}  // namespace octet
