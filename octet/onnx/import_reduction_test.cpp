#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/reduction.h"
#include "octet/graph/passes/passes.h"
#include "octet/graph/tensor_function.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::HasSubstr;

/// The only node of a model with one operator.
const Node& only_node(const Graph& graph) {
  EXPECT_EQ(graph.nodes().size(), 1u) << to_string(graph);
  return graph.nodes().front();
}

/// The model's first output where its inputs are constants.
Tensor folded(const TestModel& model) {
  Graph graph = model.read();
  run_passes(graph, inference_passes());
  const Value& output = graph.value(graph.outputs()[0]);
  EXPECT_TRUE(output.constant) << to_string(graph);
  return output.constant.value_or(Tensor());
}

void expect_close(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.shape(), expected.shape());
  for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
    EXPECT_NEAR(found.data<float>()[i], expected.data<float>()[i], 1e-6f) << i;
  }
}

TEST(ImportReduce, TakesItsAxesFromTheAttributeOrTheInput) {
  struct Variant {
    const char* op_type;
    Reduction reduction;
    int opset;
    bool are_attribute;
  };
  for (const Variant& v : {Variant{"ReduceSum", Reduction::kSum, 7, true},
                           Variant{"ReduceSum", Reduction::kSum, 12, true},
                           Variant{"ReduceSum", Reduction::kSum, 13, false},
                           Variant{"ReduceMean", Reduction::kMean, 13, true},
                           Variant{"ReduceMean", Reduction::kMean, 17, true},
                           Variant{"ReduceMean", Reduction::kMean, 18, false},
                           Variant{"ReduceMax", Reduction::kMax, 11, true},
                           Variant{"ReduceMax", Reduction::kMax, 20, false},
                           Variant{"ReduceL2", Reduction::kL2, 25, false}}) {
    TestModel model(v.opset);
    model.input("x", {kDynamicDim, 3, 4}).output("y");
    std::vector<std::string> inputs{"x"};
    if (!v.are_attribute) {
      model.constant("axes", ints({-1}));
      inputs.emplace_back("axes");
    }
    auto& node = model.node(v.op_type, inputs, {"y"});
    if (v.are_attribute) set_ints(node, "axes", {-1});
    set_int(node, "keepdims", 0);
    const Graph graph = model.read();
    EXPECT_EQ(only_node(graph).op, reduce({v.reduction, false})) << v.op_type << v.opset;
    EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 3}));
    expect_round_trip(graph);
  }
}

TEST(ImportReduce, KnowsEveryMemberOfTheFamily) {
  for (const Reduction reduction :
       {Reduction::kSum, Reduction::kMean, Reduction::kMax, Reduction::kMin, Reduction::kProd,
        Reduction::kL1, Reduction::kL2, Reduction::kLogSum, Reduction::kLogSumExp,
        Reduction::kSumSquare}) {
    for (const int opset : {11, 18}) {
      TestModel model(opset);
      model.input("x", {2, 3}).output("y");
      model.node(std::string(onnx_name(reduction)), {"x"}, {"y"});
      const Graph graph = model.read();
      EXPECT_EQ(only_node(graph).op, reduce({reduction}));
      expect_round_trip(graph);
    }
  }
}

TEST(ImportReduce, MayReduceNothingSinceTheAxesAreAnInput) {
  TestModel model(18);
  model.constant("x", ramp({2, 3})).output("y");
  set_int(model.node("ReduceSum", {"x"}, {"y"}), "noop_with_empty_axes", 1);
  EXPECT_EQ(folded(model), ramp({2, 3}));
  TestModel old(11);
  old.input("x", {2, 3}).output("y");
  set_int(old.node("ReduceSum", {"x"}, {"y"}), "noop_with_empty_axes", 1);
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { old.read(); }),
              HasSubstr("noop_with_empty_axes"));
}

TEST(ImportReduce, RefusesTheOtherForm) {
  TestModel attribute(18);
  attribute.input("x", {2, 3}).output("y");
  set_ints(attribute.node("ReduceMean", {"x"}, {"y"}), "axes", {1});
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { attribute.read(); }), HasSubstr("axes"));
  TestModel input(17);
  input.input("x", {2, 3}).constant("axes", ints({1})).output("y");
  input.node("ReduceMean", {"x", "axes"}, {"y"});
  expect_error(ErrorKind::kBadData, [&] { input.read(); });
}

TEST(ImportReduce, NamesTheNodeOfBadAxes) {
  for (const std::vector<std::int64_t>& axes :
       {std::vector<std::int64_t>{2}, {-3}, {0, -2}, {std::int64_t{1} << 62}}) {
    TestModel model;
    model.input("x", {2, 3}).constant("axes", ints(axes)).output("y");
    model.node("ReduceSum", {"x", "axes"}, {"y"});
    EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { model.read(); }), HasSubstr("'y'"));
  }
}

TEST(ImportArgExtreme, ReadsEveryAttribute) {
  for (const bool of_max : {true, false}) {
    TestModel model;
    model.input("x", {2, 3}).output("y");
    auto& node = model.node(of_max ? "ArgMax" : "ArgMin", {"x"}, {"y"});
    set_int(node, "axis", -1);
    set_int(node, "keepdims", 0);
    set_int(node, "select_last_index", 1);
    const Graph graph = model.read();
    EXPECT_EQ(only_node(graph).op, arg_extreme({of_max, -1, false, true}));
    EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kInt64);
    expect_round_trip(graph);
  }
  TestModel model(11);
  model.input("x", {2, 3}).output("y").node("ArgMax", {"x"}, {"y"});
  EXPECT_EQ(only_node(model.read()).op, arg_extreme({}));
}

TEST(ImportGlobalPool, KeepsOnnxsOperators) {
  TestModel model;
  model.input("x", {kDynamicDim, 3, 4, 5, 6}).output("y").node("GlobalMaxPool", {"x"}, {"y"});
  const Graph graph = model.read();
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 3, 1, 1, 1}));
  expect_round_trip(graph);
}

TEST(ImportSoftmax, FlattensSeveralAxesBeforeOpset13) {
  for (const char* op_type : {"Softmax", "LogSoftmax"}) {
    TestModel model(11);
    model.input("x", {kDynamicDim, 3, 4}).output("y").node(op_type, {"x"}, {"y"});
    const Graph graph = model.read();
    EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y");
    EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{kDynamicDim, 3, 4}));
    std::vector<std::string> types;
    for (const Node& node : graph.nodes()) types.emplace_back(op_name(node.op));
    EXPECT_THAT(types, testing::ElementsAre("Flatten", op_type, "Reshape"));
    expect_round_trip(graph);
  }
}

TEST(ImportSoftmax, FlattenedIsTheSoftmaxOfTheRows) {
  const auto model_of = [](int opset, int axis, const Shape& shape) {
    TestModel model(opset);
    model.constant("x", ramp({2, 3, 4}).reshaped(shape)).output("y");
    set_int(model.node("LogSoftmax", {"x"}, {"y"}), "axis", axis);
    return model;
  };
  const Tensor rows = folded(model_of(13, 1, {2, 12}));
  expect_close(folded(model_of(11, 1, {2, 3, 4})), rows.reshaped({2, 3, 4}));
  expect_close(folded(model_of(11, -2, {2, 3, 4})), rows.reshaped({2, 3, 4}));
  const Tensor all = folded(model_of(13, 1, {1, 24}));
  expect_close(folded(model_of(7, 0, {2, 3, 4})), all.reshaped({2, 3, 4}));
}

TEST(ImportSoftmax, OldLogSoftmaxOverOneLongAxisIsTodays) {
  TestModel model(11);
  model.input("x", {2, 5, 1, 1}).output("y").node("LogSoftmax", {"x"}, {"y"});
  EXPECT_EQ(only_node(model.read()).op, log_softmax(1));
}

TEST(ImportNormalization, ReadsLayerNormWithAnyOfItsOutputs) {
  for (const std::vector<std::string>& outputs : {std::vector<std::string>{"y"},
                                                  {"y", "mean"},
                                                  {"y", "mean", "deviation"},
                                                  {"y", "", "deviation"}}) {
    TestModel model(17);
    model.input("x", {kDynamicDim, 3, 4}).constant("s", ramp({3, 4})).output("y");
    auto& node = model.node("LayerNormalization", {"x", "s"}, outputs);
    set_int(node, "axis", 1);
    set_float(node, "epsilon", 0.25f);
    set_int(node, "stash_type", 1);
    if (outputs.back() != "y") model.output(outputs.back());
    const Graph graph = model.read();
    EXPECT_EQ(only_node(graph).op, layer_norm({1, 0.25f}));
    EXPECT_EQ(only_node(graph).outputs.size(), outputs.size());
    if (outputs.back() != "y") {
      EXPECT_EQ(graph.value(graph.outputs()[1]).shape, (Shape{kDynamicDim, 1, 1}));
    }
    expect_round_trip(graph);
  }
}

TEST(ImportNormalization, GroupNormHadOneScalePerGroupBeforeOpset21) {
  const auto model_of = [](int opset, const std::vector<float>& scale,
                           const std::vector<float>& bias) {
    TestModel model(opset);
    const auto count = static_cast<std::int64_t>(scale.size());
    model.constant("x", ramp({2, 4, 3, 1})).output("y");
    model.constant("s", floats({count}, scale)).constant("b", floats({count}, bias));
    set_int(model.node("GroupNormalization", {"x", "s", "b"}, {"y"}), "num_groups", 2);
    return model;
  };
  expect_close(folded(model_of(18, {1, 2}, {3, 4})),
               folded(model_of(21, {1, 1, 2, 2}, {3, 3, 4, 4})));
  TestModel bad = model_of(21, {1, 1, 2, 2}, {3, 3, 4, 4});
  bad.graph().mutable_node(0)->mutable_attribute(0)->set_i(0);
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { bad.read(); }), HasSubstr("num_groups = 0"));
}

TEST(ImportNormalization, RoundTrips) {
  const auto round_trip = [](int opset, const char* op_type, int parameters,
                             const std::function<void(octet_onnx::NodeProto&)>& set_up) {
    TestModel model(opset);
    model.input("x", {kDynamicDim, 4, 3}).output("y");
    std::vector<std::string> inputs{"x"};
    for (int i = 0; i < parameters; ++i) {
      inputs.push_back(numbered("p", i));
      model.constant(inputs.back(), ramp({4}));
    }
    set_up(model.node(op_type, inputs, {"y"}));
    expect_round_trip(model.read());
  };
  round_trip(7, "InstanceNormalization", 2, [](auto& node) { set_float(node, "epsilon", 0.5f); });
  round_trip(21, "GroupNormalization", 2, [](auto& node) { set_int(node, "num_groups", 2); });
  round_trip(13, "LRN", 0, [](auto& node) { set_int(node, "size", 3); });
  round_trip(13, "MeanVarianceNormalization", 0, [](auto& node) {
    set_ints(node, "axes", {0, 2});
  });
  round_trip(9, "BatchNormalization", 4, [](auto& node) { set_float(node, "epsilon", 0.5f); });
}

TEST(ImportNormalization, BatchNormInTrainingModeHasRunningStatistics) {
  TestModel model(14);
  model.input("x", {kDynamicDim, 4, 3}).output("y").output("m2").output("v2");
  for (const char* name : {"s", "b", "m", "v"}) model.constant(name, ramp({4}));
  auto& node = model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y", "m2", "v2"});
  set_int(node, "training_mode", 1);
  set_float(node, "momentum", 0.75f);
  const Graph graph = model.read();
  EXPECT_EQ(only_node(graph).op, batch_norm_training({1e-5f, 0.75f}));
  EXPECT_EQ(graph.value(graph.outputs()[2]).shape, (Shape{4}));
  expect_round_trip(graph);
}

TEST(ImportNormalization, RefusesAttributesOutOfRange) {
  const auto refused = [](const char* op_type, const char* name, float value) {
    TestModel model(17);
    model.input("x", {1, 4, 3}).constant("s", ramp({4})).output("y");
    std::vector<std::string> inputs{"x"};
    if (op_type != std::string("LRN")) inputs.insert(inputs.end(), {"s", "s"});
    auto& node = model.node(op_type, inputs, {"y"});
    if (op_type == std::string("LRN")) set_int(node, "size", name == std::string("size") ? 0 : 1);
    if (name != std::string("size")) set_float(node, name, value);
    return expect_error(ErrorKind::kBadData, [&] { model.read(); });
  };
  EXPECT_THAT(refused("InstanceNormalization", "epsilon", -1.0f), HasSubstr("epsilon = -1"));
  EXPECT_THAT(refused("LayerNormalization", "epsilon", NAN), HasSubstr("epsilon"));
  EXPECT_THAT(refused("LRN", "alpha", INFINITY), HasSubstr("alpha"));
  EXPECT_THAT(refused("LRN", "size", 0.0f), HasSubstr("size = 0"));
}

}  // namespace
}  // namespace octet
