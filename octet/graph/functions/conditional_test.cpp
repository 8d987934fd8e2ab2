#include "octet/graph/functions/conditional.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/passes/passes.h"
#include "octet/graph/specialize.h"

namespace octet {
namespace {

using testing::ElementsAre;

Branch branch_of(Graph graph, std::vector<std::size_t> captures) {
  return {std::make_shared<const Graph>(std::move(graph)), std::move(captures)};
}

Op conditional(Branch if_true, Branch if_false) {
  return Function{std::make_shared<Conditional>(std::move(if_true), std::move(if_false))};
}

/// y = op(x)
Graph unary(Op op, const std::string& input = "x") {
  Graph graph;
  graph.add_output(graph.add("y", std::move(op), {graph.add_input(input, DType::kFloat32, {})}));
  return graph;
}

/// z = x + w
Graph adds(float weight) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {});
  graph.add_output(graph.add("z", Add{}, {x, graph.add_constant("w", Tensor::scalar(weight))}));
  return graph;
}

std::vector<std::string> names_of(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<std::string> names;
  for (const ValueId id : values) names.push_back(graph.value(id).name);
  return names;
}

TEST(ConditionalTest, IsEqualWhereItsBranchesAre) {
  const auto with = [](Graph a, Graph b) {
    return conditional(branch_of(std::move(a), {1}), branch_of(std::move(b), {1}));
  };
  EXPECT_EQ(with(unary(Relu{}), adds(1)), with(unary(Relu{}), adds(1)));
  EXPECT_EQ(with(unary(Relu{}), adds(1)), with(unary(Relu{}, "other"), adds(1)));
  EXPECT_NE(with(unary(Relu{}), adds(1)), with(unary(Tanh{}), adds(1)));
  EXPECT_NE(with(unary(Relu{}), adds(1)), with(unary(Relu{}), adds(2)));
  EXPECT_NE(with(unary(Relu{}), adds(1)), with(adds(1), unary(Relu{})));
  EXPECT_NE(conditional(branch_of(unary(Relu{}), {1}), branch_of(unary(Relu{}), {2})),
            conditional(branch_of(unary(Relu{}), {2}), branch_of(unary(Relu{}), {2})));
}

/// An If with everything that a file cannot say: constants captured, one value captured twice, one
/// that nothing reads, names that are taken, an output that is an input.
Graph untidy() {
  Graph if_true;
  const ValueId a = if_true.add_input("a", DType::kFloat32, {});
  const ValueId unread = if_true.add_input("unread", DType::kFloat32, {});
  const ValueId scale = if_true.add_input("s", DType::kFloat32, {});
  const ValueId b = if_true.add_input("b", DType::kFloat32, {});
  (void)unread;
  const ValueId scaled = if_true.add("x", Mul{}, {b, scale});
  if_true.add_output(if_true.add("sum", Add{}, {scaled, a}));

  Graph graph;
  const ValueId condition = graph.add_input("condition", DType::kBool, {});
  const ValueId x = graph.add_input("x", DType::kFloat32, {2});
  const ValueId other = graph.add_input("other", DType::kFloat32, {2});
  const ValueId three = graph.add_constant("three", Tensor::scalar(3.0f));
  Graph if_false;
  if_false.add_output(if_false.add_input("kept", DType::kFloat32, {}));
  graph.add_output(
      graph.add("y", conditional(branch_of(if_true, {1, 2, 3, 1}), branch_of(if_false, {1})),
                {condition, x, other, three}));
  infer_shapes(graph);
  return graph;
}

TEST(ConditionalTest, TakesTheFormThatAFileCanHold) {
  Graph graph = untidy();
  normalize_branches(graph);
  run_passes(graph, import_passes());
  EXPECT_EQ(to_string(graph),
            "y: If(condition bool [], x [2], x [2]) -> [2]\n"
            "  then(x [2]):\n"
            "    x: Mul(x [2], three) -> x_1 [2]\n"
            "    sum: Add(x_1 [2], x [2]) -> [2]\n"
            "    -> sum\n"
            "  else(x [2]):\n"
            "    x_copy: Identity(x [2]) -> [2]\n"
            "    -> x_copy\n");
  const std::string once = to_string(graph);
  normalize_branches(graph);
  EXPECT_EQ(to_string(graph), once);
}

TEST(ConditionalTest, MeansTheSameInThatForm) {
  Graph graph = untidy();
  Graph normal = graph;
  normalize_branches(normal);
  for (const bool condition : {true, false}) {
    const std::map<std::string, Tensor> values{
        {"condition", Tensor::scalar(condition)},
        {"x", Tensor::from(Shape{2}, std::vector<float>{1, -2})}};
    const Graph a = specialize(graph, {}, values), b = specialize(normal, {}, values);
    const std::optional<Tensor>& y = a.value(a.outputs()[0]).constant;
    ASSERT_TRUE(y);
    EXPECT_EQ(y, b.value(b.outputs()[0]).constant);
    EXPECT_EQ(y->data<float>()[1], condition ? -8.0f : -2.0f);
  }
}

TEST(ConditionalTest, PassesReachInside) {
  Graph inner;
  const ValueId x = inner.add_input("x", DType::kFloat32, {});
  inner.add_output(inner.add("b", Relu{}, {inner.add("a", Add{}, {x, x})}));
  Graph graph;
  const ValueId condition = graph.add_input("condition", DType::kBool, {});
  const ValueId input = graph.add_input("x", DType::kFloat32, {kDynamicDim, 2});
  graph.add_output(graph.add("y", conditional(branch_of(inner, {1}), branch_of(inner, {1})),
                             {condition, input}));
  infer_shapes(graph);
  run_passes(graph, inference_passes());
  const Graph& fused = *branches_of(graph.nodes()[0].op)[1].graph;
  ASSERT_EQ(fused.nodes().size(), 1u);
  EXPECT_EQ(fused.nodes()[0].op, (Op{Add{{0, std::numeric_limits<float>::infinity()}}}));
  EXPECT_EQ(fused.value(fused.outputs()[0]).shape, (Shape{kDynamicDim, 2}));
  EXPECT_THAT(names_of(fused, fused.inputs()), ElementsAre("x"));
}

TEST(ConditionalTest, CountsTheConstantsOfBothBranchesAndTheWorkOfTheLarger) {
  const auto product = [](std::int64_t columns) {
    Graph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {});
    const ValueId w = graph.add_constant("w", Tensor(DType::kFloat32, {columns, 3}));
    const ValueId y = graph.add("y", Gemm{}, {x, w});
    graph.add_output(graph.add("sum", Flatten{}, {y}));
    return graph;
  };
  Graph graph;
  const ValueId condition = graph.add_input("condition", DType::kBool, {});
  const ValueId x = graph.add_input("x", DType::kFloat32, {1, 3});
  graph.add_output(graph.add(
      "y", conditional(branch_of(product(5), {1}), branch_of(product(2), {1})), {condition, x}));
  infer_shapes(graph);
  EXPECT_EQ(count_parameters(graph), 21);
  EXPECT_EQ(count_macs(graph), 15);
  EXPECT_EQ(constant_bytes(graph), 84);
}

}  // namespace
}  // namespace octet
