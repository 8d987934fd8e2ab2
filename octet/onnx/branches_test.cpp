#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "octet/graph/functions/conditional.h"
#include "octet/graph/specialize.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using octet_onnx::GraphProto;
using octet_onnx::ModelProto;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

octet_onnx::GraphProto* branch_of(octet_onnx::NodeProto& node, const std::string& name) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(octet_onnx::AttributeProto::GRAPH);
  return attribute.mutable_g();
}

void add_to(octet_onnx::GraphProto& graph, const std::string& op,
            const std::vector<std::string>& inputs, const std::string& output) {
  auto& node = *graph.add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
}

/// y = condition ? relu(x) : x + w
TestModel choice(const std::function<void(TestModel&)>& define_condition) {
  TestModel model;
  model.input("x", {2, 3}).constant("w", ramp({3})).output("y");
  define_condition(model);
  auto& node = model.node("If", {"condition"}, {"y"});
  auto& then_branch = *branch_of(node, "then_branch");
  add_to(then_branch, "Relu", {"x"}, "a");
  then_branch.add_output()->set_name("a");
  auto& else_branch = *branch_of(node, "else_branch");
  add_to(else_branch, "Add", {"x", "w"}, "b");
  else_branch.add_output()->set_name("b");
  return model;
}

TEST(BranchesTest, PutsTheChosenBranchInThePlaceOfAnIf) {
  for (const bool condition : {true, false}) {
    const TestModel model =
        choice([&](TestModel& m) { m.constant("condition", Tensor::scalar(condition)); });
    const Graph graph = model.read();
    ASSERT_EQ(graph.nodes().size(), 1u);
    EXPECT_EQ(op_name(graph.nodes()[0].op), condition ? "Relu" : "Add");
    EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y");
    EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{2, 3}));
  }
}

TEST(BranchesTest, KeepsAnIfWhoseConditionIsAnInput) {
  const TestModel model = choice([](TestModel& m) { m.input("condition", {}, DType::kBool); });
  const Graph graph = model.read();
  ASSERT_EQ(graph.nodes().size(), 1u);
  EXPECT_EQ(op_name(graph.nodes()[0].op), "If");
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{2, 3}));
  const Graph chosen = specialize(graph, {}, {{"condition", Tensor::scalar(false)}});
  ASSERT_EQ(chosen.nodes().size(), 1u);
  EXPECT_EQ(op_name(chosen.nodes()[0].op), "Add");
}

TEST(BranchesTest, RefusesBranchesThatAreNotWhole) {
  const auto define = [](TestModel& m) { m.input("condition", {}, DType::kBool); };
  TestModel missing = choice(define);
  auto& node = *missing.graph().mutable_node(0);
  *node.mutable_attribute(0)->mutable_g()->mutable_node(0)->mutable_input(0) = "nowhere";
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { missing.read(); }), HasSubstr("'nowhere'"));
  TestModel one = choice(define);
  one.graph().mutable_node(0)->mutable_attribute()->RemoveLast();
  EXPECT_THAT(expect_error(ErrorKind::kBadData, [&] { one.read(); }), HasSubstr("missing"));
}

/// `condition` is an input.
TestModel open_choice() {
  return choice([](TestModel& m) { m.input("condition", {}, DType::kBool); });
}

ModelProto proto_of(const Graph& graph) {
  const std::vector<std::byte> bytes = to_onnx(graph);
  ModelProto proto;
  EXPECT_TRUE(proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return proto;
}

const GraphProto& branch_of(const GraphProto& graph, const std::string& name) {
  for (const auto& node : graph.node()) {
    for (const auto& attribute : node.attribute()) {
      if (attribute.name() == name) return attribute.g();
    }
  }
  ADD_FAILURE() << "no " << name;
  return GraphProto::default_instance();
}

template <typename Named>
std::vector<std::string> names_of(const Named& list) {
  std::vector<std::string> names;
  for (const auto& entry : list) names.push_back(entry.name());
  return names;
}

TEST(BranchesTest, AnIfSurvivesTheRoundTrip) {
  const Graph graph = open_choice().read();
  expect_round_trip(graph);
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / "octet_branches.onnx";
  export_onnx(graph, file);
  std::filesystem::remove(file);

  const ModelProto proto = proto_of(graph);
  ASSERT_EQ(proto.graph().node_size(), 1);
  EXPECT_THAT(proto.graph().node(0).input(), ElementsAre("condition"));
  const GraphProto& then_branch = branch_of(proto.graph(), "then_branch");
  EXPECT_THAT(then_branch.node(0).input(), ElementsAre("x")) << "read by the name around it";
  EXPECT_EQ(then_branch.input_size(), 0);
  EXPECT_EQ(then_branch.output(0).type().tensor_type().shape().dim(1).dim_value(), 3);
  EXPECT_THAT(names_of(branch_of(proto.graph(), "else_branch").initializer()), ElementsAre("w"));
}

TEST(BranchesTest, TheFileThatIsReadBackChoosesAlike) {
  const Graph graph = open_choice().read();
  const Graph again = import_onnx(std::span<const std::byte>(to_onnx(graph)));
  for (const bool condition : {true, false}) {
    const std::map<std::string, Tensor> values{{"condition", Tensor::scalar(condition)}};
    const Graph a = specialize(graph, {}, values), b = specialize(again, {}, values);
    EXPECT_EQ(to_string(a), to_string(b));
    ASSERT_EQ(b.nodes().size(), 1u);
    EXPECT_EQ(op_name(b.nodes()[0].op), condition ? "Relu" : "Add");
    EXPECT_EQ(b.nodes()[0].inputs.size(), condition ? 1u : 2u);
  }
}

TEST(BranchesTest, AnIfInsideOfAnIfSurvivesTheRoundTrip) {
  TestModel model = open_choice();
  model.input("other", {}, DType::kBool);
  GraphProto& then_branch = *model.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  add_to(then_branch, "If", {"other"}, "c");
  auto& inner = *then_branch.mutable_node(1);
  auto& inner_then = *branch_of(inner, "then_branch");
  add_to(inner_then, "Add", {"a", "w"}, "d");
  inner_then.add_output()->set_name("d");
  auto& inner_else = *branch_of(inner, "else_branch");
  inner_else.add_output()->set_name("x");  // a value of the outermost graph
  then_branch.mutable_output(0)->set_name("c");

  const Graph graph = model.read();
  expect_round_trip(graph);
  const ModelProto proto = proto_of(graph);
  EXPECT_THAT(names_of(proto.graph().initializer()), ElementsAre("w"))
      << "what several branches hold is written once";
  EXPECT_THAT(branch_of(proto.graph(), "else_branch").initializer(), IsEmpty());
  for (const bool other : {true, false}) {
    const Graph chosen = specialize(
        graph, {}, {{"condition", Tensor::scalar(true)}, {"other", Tensor::scalar(other)}});
    EXPECT_EQ(chosen.nodes().size(), other ? 2u : 1u);
  }
}

TEST(BranchesTest, NamesInsideAreNoNamesAround) {
  Graph if_true;
  const ValueId captured = if_true.add_input("anything", DType::kFloat32, {});
  const ValueId w = if_true.add_constant("w", ramp({3}));
  // Each of these names is one of the graph around, or one that its nodes will need.
  const ValueId x = if_true.add("x", Add{}, {captured, w});
  const ValueId clamped = if_true.add("y", Add{{0, 6}}, {x, w});
  if_true.add_output(if_true.add("condition", Clip{{0, 1}}, {clamped}));
  Graph if_false;
  if_false.add_output(if_false.add_input("x", DType::kFloat32, {}));

  Graph graph;
  const ValueId condition = graph.add_input("condition", DType::kBool, {});
  const ValueId input = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3});
  const ValueId taken = graph.add_constant("w", ramp({1}));
  const ValueId sum = graph.add("y_unclamped", Add{}, {input, taken});
  graph.add_output(graph.add(
      "y",
      Function{std::make_shared<Conditional>(Branch{std::make_shared<const Graph>(if_true), {1}},
                                             Branch{std::make_shared<const Graph>(if_false), {1}})},
      {condition, sum}));
  infer_shapes(graph);
  expect_round_trip(graph);

  const ModelProto proto = proto_of(graph);
  std::vector<std::string> around = names_of(proto.graph().input());
  for (const auto& node : proto.graph().node()) around.push_back(node.output(0));
  for (const std::string& name : names_of(proto.graph().initializer())) around.push_back(name);
  for (const char* side : {"then_branch", "else_branch"}) {
    const GraphProto& branch = branch_of(proto.graph(), side);
    std::vector<std::string> inside = names_of(branch.initializer());
    for (const auto& node : branch.node()) inside.push_back(node.output(0));
    EXPECT_FALSE(inside.empty());
    for (const std::string& name : inside) {
      EXPECT_EQ(std::ranges::count(around, name) + std::ranges::count(inside, name), 1) << name;
    }
  }
}

TEST(BranchesTest, CountsTheOpsetOfWhatIsInside) {
  EXPECT_EQ(proto_of(open_choice().read()).opset_import(0).version(), 13);
  TestModel model(14);
  model.input("x", {2, 3}).input("condition", {}, DType::kBool).output("y");
  auto& node = model.node("If", {"condition"}, {"y"});
  for (const char* side : {"then_branch", "else_branch"}) {
    auto& branch = *branch_of(node, side);
    add_to(branch, side == std::string("then_branch") ? "HardSwish" : "Relu", {"x"}, "a");
    branch.add_output()->set_name("a");
  }
  const Graph graph = model.read();
  EXPECT_EQ(proto_of(graph).opset_import(0).version(), 14);
  expect_round_trip(graph);
}

TEST(BranchesTest, AQuantizedBranchSurvivesTheRoundTrip) {
  const TensorQuantParams in{{0.5f}, {3}, std::nullopt, DType::kUInt8};
  const TensorQuantParams weight{{0.25f, 0.5f}, {0, 0}, 0, DType::kInt8};
  const TensorQuantParams bias{{0.125f, 0.25f}, {0, 0}, 0, DType::kInt32};
  Graph inner;
  const ValueId x = inner.add_input("x", DType::kFloat32, {});
  const ValueId q = inner.add("x_q", QuantizeLinear{in}, {x});
  const ValueId d = inner.add("x_dq", DequantizeLinear{in}, {q});
  const ValueId w = inner.add("w_dq", DequantizeLinear{weight},
                              {inner.add_constant("w", Tensor(DType::kInt8, {2, 3}))});
  const ValueId b = inner.add("b_dq", DequantizeLinear{bias},
                              {inner.add_constant("b", Tensor(DType::kInt32, {2}))});
  inner.add_output(inner.add("gemm", Gemm{true, {0, 6}}, {d, w, b}));
  Graph graph;
  const ValueId condition = graph.add_input("condition", DType::kBool, {});
  const ValueId input = graph.add_input("x", DType::kFloat32, {kDynamicDim, 3});
  const Branch branch{std::make_shared<const Graph>(inner), {1}};
  graph.add_output(
      graph.add("y", Function{std::make_shared<Conditional>(branch, branch)}, {condition, input}));
  infer_shapes(graph);
  expect_round_trip(graph);
}

TEST(BranchesTest, ComparesWhatWasWrittenInsideToo) {
  const auto with = [](float weight) {
    TestModel model = open_choice();
    model.graph().clear_initializer();
    model.constant("w", floats({3}, {weight, 1, 1}));
    return model.read();
  };
  const Graph a = with(1), b = with(2);
  EXPECT_EQ(a.nodes()[0].op, with(1).nodes()[0].op);
  EXPECT_NE(a.nodes()[0].op, b.nodes()[0].op);
  EXPECT_NE(to_onnx(a), to_onnx(b));
}

TEST(BranchesTest, ABranchThatCouldNeverRunIsNotWritten) {
  TestModel model = open_choice();
  GraphProto& then_branch = *model.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  then_branch.mutable_node(0)->set_op_type("MatMul");
  then_branch.mutable_node(0)->add_input("x");
  const Graph graph = model.read();
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { to_onnx(graph); }),
              HasSubstr("'y' (If): its then_branch contradicts"));
}

}  // namespace
}  // namespace octet
